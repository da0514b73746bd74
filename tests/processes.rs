//! The Rust interface between processes: every role runs this test program again.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, thread};
use vdi::codes::*;
use vdi::server::{self, Callback, Request};
use vdi::{
    Buffer, Completion, Configuration, CreateOptions, ErrorKind, Instance, Name, ServerParameters,
    client,
};

const DEVICES: u32 = 4;
const COMMANDS: u32 = 50;
const SIZE: u32 = 3 * 65536;
const PREFIX: u32 = 512;

/// Long enough for any machine; a test that takes this long is stuck.
const STUCK: Duration = Duration::from_secs(60);

/// A role of a test, as a process of its own.
struct Role(Child);

impl Role {
    fn start(name: &str, set: &str, directory: &Path) -> Self {
        let child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", name, "--nocapture"])
            .env("VDI_RUNTIME_DIR", directory)
            .env("VDI_TEST_SET", set)
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    fn succeeds(mut self) {
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A test's own runtime directory, which must be empty in the end.
struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        // A short path: that of a socket has at most 107 bytes.
        let directory = tempfile::Builder::new().prefix("vdi").tempdir_in("/tmp");
        Self(directory.unwrap())
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.0.path()).unwrap().next().is_none()
    }
}

fn set_name() -> Name {
    Name::new(env::var("VDI_TEST_SET").unwrap()).unwrap()
}

fn device_name(index: u32) -> Name {
    let set = set_name().to_string();
    match index {
        0 => Name::new(set).unwrap(),
        _ => Name::new(format!("{set}{index}")).unwrap(),
    }
}

/// What command `n` of device `device` carries at byte `at`.
fn byte(device: u32, n: u32, at: u32) -> u8 {
    (device.wrapping_mul(31) ^ n.wrapping_mul(7) ^ (at / 17)) as u8
}

fn pattern(device: u32, n: u32) -> Vec<u8> {
    (0..SIZE).map(|at| byte(device, n, at)).collect()
}

fn watchdog() {
    thread::spawn(|| {
        thread::sleep(STUCK);
        eprintln!("the role is stuck");
        std::process::abort();
    });
}

fn create() -> client::Set {
    let inputs = Configuration {
        device_count: DEVICES,
        prefix_zone_size: PREFIX,
        alignment: 65536,
        ..Configuration::default()
    };
    let options = CreateOptions::default();
    client::Set::create(&Instance::default(), &set_name(), &inputs, &options).unwrap()
}

/// Opens the set as soon as its creator has announced it.
fn attach() -> server::Set {
    loop {
        match server::Set::open(&Instance::default(), &set_name()) {
            Ok(set) => return set,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Invalid, "{error}"),
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn configure(set: &server::Set) {
    let parameters = ServerParameters {
        features: VDF_WriteMedia,
        block_size: 512,
        max_transfer_size: SIZE,
        ..ServerParameters::default()
    };
    set.begin_configuration(&parameters).unwrap();
    set.request_buffers(SIZE, 0, 2 * DEVICES).unwrap();
    set.end_configuration().unwrap();
}

/// Sends the writes of one device, two at a time, and checks how each ended.
fn write_all(set: &server::Set, device: &server::Device, index: u32) {
    let (free, freed) = mpsc::channel::<Buffer>();
    for _ in 0..2 {
        free.send(set.allocate_buffer(SIZE, 0).unwrap()).unwrap();
    }
    for n in 0..COMMANDS {
        let buffer = freed.recv().unwrap();
        buffer.write(0, &pattern(index, n)).unwrap();
        let (done, given_back) = (free.clone(), buffer.clone());
        let callback = Callback::new(move |end: Completion| {
            assert_eq!((end.code, end.bytes), (ERROR_SUCCESS, SIZE));
            done.send(given_back).unwrap();
        });
        let request = Request::transfer(VDC_Write, &buffer, SIZE);
        device.send(request, callback).unwrap();
    }
    for _ in 0..2 {
        freed.recv().unwrap();
    }
    device.close().unwrap();
}

/// Data arrives exactly, aligned, with a usable prefix. [MOD-07, CDEV-GETCMD-08, BUF-03, AMB-23]
fn take_all(set: &client::Set, index: u32) {
    let device = set.open_device(&device_name(index)).unwrap();
    let mut n = 0;
    let end = loop {
        let command = match device.get_command(Some(STUCK)) {
            Ok(command) => command,
            Err(end) => break end,
        };
        assert_eq!((command.code(), command.size()), (VDC_Write, SIZE));
        let buffer = command.buffer().unwrap();
        assert_eq!(buffer.address() % 65536, 0);
        let mut data = vec![0; SIZE as usize];
        buffer.read(0, &mut data).unwrap();
        assert!(data == pattern(index, n), "device {index}, command {n}");
        n += 1;
        let done = Completion {
            bytes: SIZE,
            ..Completion::default()
        };
        device.complete(&command, done).unwrap();
    };
    assert_eq!(end.kind(), ErrorKind::Close);
    assert_eq!(n, COMMANDS);
}

#[test]
#[ignore = "a role of the tests below"]
fn server_role() {
    watchdog();
    let set = attach();
    configure(&set);
    let devices: Vec<_> = (0..DEVICES)
        .map(|index| set.open_device(&device_name(index)).unwrap())
        .collect();
    thread::scope(|scope| {
        let agent = scope.spawn(|| set.execute_completion_agent());
        for (device, index) in devices.iter().zip(0..) {
            let set = &set;
            scope.spawn(move || write_all(set, device, index));
        }
        agent.join().unwrap().unwrap();
    });
    set.close().unwrap();
}

/// Opens all but the first device, as a client process of its own. [PROC-04]
#[test]
#[ignore = "a role of the tests below"]
fn secondary_role() {
    watchdog();
    let set = client::Set::open_in_secondary(&Instance::default(), &set_name()).unwrap();
    thread::scope(|scope| {
        for index in 1..DEVICES {
            let set = &set;
            scope.spawn(move || take_all(set, index));
        }
    });
    set.close().unwrap();
}

#[test]
#[ignore = "a role of the tests below"]
fn primary_role() {
    watchdog();
    let directory = env::var("VDI_RUNTIME_DIR").unwrap();
    let name = set_name().to_string();
    let set = create();
    set.configuration(Some(STUCK)).unwrap();
    let secondary = Role::start("secondary_role", &name, Path::new(&directory));
    take_all(&set, 0);
    secondary.succeeds();
    set.close().unwrap();
}

/// Gets one command on the first device and then waits to be killed.
#[test]
#[ignore = "a role of the tests below"]
fn stuck_primary_role() {
    watchdog();
    let set = create();
    set.configuration(Some(STUCK)).unwrap();
    let device = set.open_device(&device_name(0)).unwrap();
    let command = device.get_command(Some(STUCK)).unwrap();
    // Shows the test that it is there, through the shared memory.
    let sign = fs::File::open("/dev/zero").unwrap();
    command
        .buffer()
        .unwrap()
        .read_from(sign.as_fd(), 0, 1)
        .unwrap();
    thread::sleep(STUCK);
}

/// Stripes over a primary, a secondary and a server. [MOD-01, PROC-04, NT-04]
#[test]
fn a_backup_through_three_processes_arrives_exactly() {
    let directory = Directory::new();
    let primary = Role::start("primary_role", "three", directory.0.path());
    Role::start("server_role", "three", directory.0.path()).succeeds();
    primary.succeeds();
    assert!(directory.is_empty());
}

/// [CRASH-02, CRASH-06, ABT-08, SSET-AGENT-05, SSET-AGENT-09]
#[test]
fn the_death_of_the_primary_ends_every_command_once_and_leaves_nothing() {
    let directory = Directory::new();
    // The server is a process, too, because the runtime directory is found by the environment.
    let status = Command::new(env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "bereaved_server_role",
            "--nocapture",
        ])
        .env("VDI_RUNTIME_DIR", directory.0.path())
        .env("VDI_TEST_SET", "orphan")
        .status();
    assert!(status.unwrap().success());
    assert!(directory.is_empty());
}

#[test]
#[ignore = "a role of the test above"]
fn bereaved_server_role() {
    watchdog();
    let directory = env::var("VDI_RUNTIME_DIR").unwrap();
    let mut primary = Role::start("stuck_primary_role", "orphan", Path::new(&directory));
    let set = attach();
    configure(&set);
    let device = set.open_device(&set_name()).unwrap();
    let buffers: Vec<Buffer> = (0..5)
        .map(|_| set.allocate_buffer(SIZE, 0).unwrap())
        .collect();
    let (ends, ended) = mpsc::channel();
    buffers[0].write(0, &[1]).unwrap();
    for (n, buffer) in buffers.iter().enumerate() {
        let ends = ends.clone();
        let callback = Callback::new(move |end: Completion| ends.send((n, end)).unwrap());
        device
            .send(Request::transfer(VDC_Write, buffer, SIZE), callback)
            .unwrap();
    }
    drop(ends);
    let mut sign = [1];
    while sign == [1] {
        buffers[0].read(0, &mut sign).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    primary.0.kill().unwrap();
    let agent = set.execute_completion_agent().unwrap_err();
    assert_eq!(agent.kind(), ErrorKind::Abort);
    let reason = set.abort_reason().unwrap().unwrap();
    assert_eq!(reason.code, VDI_ABORT_PRIMARY_DIED);
    assert!(
        reason.text.contains(&primary.0.id().to_string()),
        "{}",
        reason.text
    );
    let ends: Vec<_> = ended.iter().collect();
    assert_eq!(ends.len(), 5, "one callback each");
    for (n, (sent, end)) in ends.iter().enumerate() {
        assert_eq!(*sent, n, "in the order of sending");
        assert_eq!((end.code, end.bytes), (ERROR_OPERATION_ABORTED, 0));
    }
    set.close().unwrap();
    // The name is free again.
    drop(create());
}
