//! What happens to a set when its Rust objects are dropped without Close.

use std::env;
use vdi::codes::*;
use vdi::server::{Callback, Request};
use vdi::{
    Completion, Configuration, CreateOptions, ErrorKind, Instance, Name, ServerParameters, client,
    server,
};

fn create(name: &Name) -> client::Set {
    let one = Configuration {
        device_count: 1,
        ..Configuration::default()
    };
    let options = CreateOptions::default();
    client::Set::create(&Instance::default(), name, &one, &options).unwrap()
}

fn configured(name: &Name) -> server::Set {
    let set = server::Set::open(&Instance::default(), name).unwrap();
    let parameters = ServerParameters {
        features: VDF_WriteMedia,
        block_size: 512,
        max_transfer_size: VDI_TRANSFER_UNIT,
        ..ServerParameters::default()
    };
    set.begin_configuration(&parameters).unwrap();
    set.request_buffers(512, 0, 1).unwrap();
    set.end_configuration().unwrap();
    set
}

/// A dropped set is closed, with all that Close does; a dropped device is not, and stays open in
/// its set. A device that outlives its set is not open. [CSET-CLOSE-04, CSET-CLOSE-10, AMB-33]
#[test]
fn a_dropped_set_is_closed_and_a_dropped_device_is_not() {
    // A short path: that of a socket has at most 107 bytes.
    let directory = tempfile::Builder::new().prefix("vdi").tempdir_in("/tmp");
    let directory = directory.unwrap();
    // SAFETY: this process has no other test, and no thread of the library yet.
    unsafe { env::set_var("VDI_RUNTIME_DIR", directory.path()) };
    let name = Name::new("dropped").unwrap();

    // Nobody else is there: the name is free again.
    drop(create(&name));
    let closed = create(&name);
    closed.close().unwrap();
    drop(closed);

    let client = create(&name);
    let server = configured(&name);
    let device = client.open_device(&name).unwrap();
    let at_server = server.open_device(&name).unwrap();
    drop(device);
    let flush = Request::new(VDC_Flush);
    at_server.send(flush, Callback::new(|_| ())).unwrap();
    let again = client.open_device(&name).map(|_| ()).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Open, "the device is still open");
    assert!(server.abort_reason().unwrap().is_none());

    drop(client);
    let reason = server.abort_reason().unwrap().unwrap();
    assert_eq!(reason.code, VDI_ABORT_CLIENT_CLOSED);
    drop(create(&name));
    drop(server);

    let client = create(&name);
    let server = configured(&name);
    let device = client.open_device(&name).unwrap();
    let at_server = server.open_device(&name).unwrap();
    let flush = Request::new(VDC_Flush);
    at_server.send(flush, Callback::new(|_| ())).unwrap();
    let command = device.get_command(None).unwrap();
    let buffer = server.allocate_buffer(512, 0).unwrap();
    assert!(server.is_shared_buffer(buffer.address()));
    assert_eq!(client.close().unwrap_err().kind(), ErrorKind::Open);
    let completed = device.complete(&command, Completion::default());
    assert_eq!(completed.unwrap_err().kind(), ErrorKind::Protocol);
    let next = device.get_command(None).map(|_| ());
    assert_eq!(next.unwrap_err().kind(), ErrorKind::Protocol);
    drop(server.close());
    assert!(!server.is_shared_buffer(buffer.address()), "closed");
    drop((client, device, server));
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}
