use super::super::support::{close_devices, configure, configured, created, name};
use super::*;
use crate::protocol::codes::VDI_ABORT_CLIENT;
use crate::protocol::command::Place;

/// A place that a peer names is aligned, and leaves room for the prefix zone before it and for the
/// bytes after it. [SEC-07, BUF-03]
#[test]
fn places_that_cannot_be_buffers_are_refused() {
    let set = configured();
    let area = Arc::new(Area::create(0, 65536).unwrap().0);
    let is_buffer = |offset, size| {
        let place = Place { area: 0, offset };
        let buffer = set.buffer(Arc::clone(&area), Meaning { place, size });
        buffer.is_some_and(|buffer| {
            assert_eq!(buffer.place(), (0, offset));
            assert_eq!(buffer.len() as u32, size);
            true
        })
    };
    assert!(is_buffer(1024, 64512));
    assert!(!is_buffer(512, 1), "the prefix zone would begin outside");
    assert!(!is_buffer(1024, 64513), "the data zone would end outside");
    assert!(!is_buffer(1025, 1) && !is_buffer(1536 - 256, 1), "aligned");
    assert!(!is_buffer(65536, 1) && !is_buffer(1 << 63, 1));
    assert!(!is_buffer(1024, 1 << 31));
}

/// [ST-01, ST-40]
#[test]
fn a_client_is_active_when_it_has_opened_a_device() {
    let set = created();
    assert_eq!(set.state(), ClientState::Configurable);
    configure(&set);
    assert_eq!(set.state(), ClientState::Initializing);
    set.take_device(0, &name()).unwrap();
    assert_eq!(set.state(), ClientState::Active);
    close_devices(&set);
    assert!(
        set.participant
            .advance(Phase::Configured, Phase::Terminated)
    );
    assert_eq!(set.state(), ClientState::Terminated);
    set.participant.abort(VDI_ABORT_CLIENT, "");
    assert_eq!(set.state(), ClientState::Abort);
}

/// The error for a buffer in an area that has not arrived: the end of the set in this process, or
/// that the handle means nothing, also after an abort. [AMB-06, CSET-BUFH-02]
#[test]
fn a_missing_area_has_the_error_of_its_reason() {
    let place = Place {
        area: 7,
        offset: 1024,
    };
    let missing = Meaning { place, size: 512 };
    let kind = |set: &Inner| set.buffer_at(missing).map(|_| ()).unwrap_err().kind();
    let set = configured();
    set.participant.abort(VDI_ABORT_CLIENT, "");
    set.now_alone();
    assert_eq!(kind(&set), ErrorKind::Invalid);
    set.participant.close();
    assert_eq!(kind(&set), ErrorKind::Protocol);
}
