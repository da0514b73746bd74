use super::*;
use crate::link::address::{file_name, fnv1a};
use crate::link::channel::Incoming;
use crate::link::runtime_dir::Places;
use crate::link::support::{Role, TempDir, Watchdog, address_in};
use crate::protocol::message::Message;
use crate::sys::memfd;
use crate::sys::pidfd::holds_in_forked_child;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

fn hello(name: &str) -> Message {
    Message::Hello {
        role: crate::protocol::message::Role::Server,
        instance: Vec::new(),
        name: name.into(),
    }
}

#[test]
fn the_hash_is_fnv_1a() {
    assert_eq!(fnv1a([].iter()), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
    assert_eq!(
        fnv1a(b"a".iter()),
        0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964
    );
}

/// Any name has a file name of its own, and instances are apart. [AMB-24, NAME-04]
#[test]
fn names_of_any_bytes_become_different_file_names() {
    let names: [(&[u8], &[u8]); 8] = [
        (b"", b"set"),
        (b"", b"Set"),
        (b"s", b"et"),
        (b"se", b"t"),
        (b"", b"../set"),
        (b"", b"/"),
        (b"", b"\xff\n'"),
        (b"", &[b'n'; 255]),
    ];
    let mut files: Vec<_> = names.map(|(i, n)| file_name(i, n)).into();
    for file in &files {
        assert_eq!(file.len(), 36);
        assert!(
            file.bytes()
                .all(|b| b.is_ascii_hexdigit() || b".set".contains(&b))
        );
    }
    files.sort();
    files.dedup();
    assert_eq!(files.len(), names.len());
}

#[test]
fn a_path_that_is_too_long_is_named_with_the_limit() {
    let base = TempDir::new();
    let fits = socket::MAX_PATH - base.path().as_os_str().len() - 1 - 37;
    for (len, allowed) in [(fits, true), (fits + 1, false)] {
        let directory = base.path().join("d".repeat(len));
        fs::create_dir(&directory).unwrap();
        let mut places = Places::current();
        places.chosen = Some(directory.clone().into());
        match Address::at(&places, b"", b"set") {
            Ok(address) => {
                assert!(allowed);
                Listener::bind(&address, Access::default()).unwrap();
            }
            Err(error) => {
                assert!(!allowed);
                assert_eq!(error.kind(), ErrorKind::Unexpected);
                assert!(
                    error.text().contains(directory.to_str().unwrap()),
                    "{error}"
                );
                assert!(error.text().contains("107"), "{error}");
            }
        }
    }
}

#[test]
fn nobody_answers_where_nothing_is_announced() {
    let base = TempDir::new();
    assert!(connect(&base.address("set")).unwrap().is_none());
}

fn closes_on_exec(fd: BorrowedFd<'_>) -> bool {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    // The kernel shows the flag as O_CLOEXEC.
    u32::from_str_radix(flags.unwrap().trim(), 8).unwrap() & 0o200_0000 != 0
}

/// Both ends may be in one process; messages and descriptors go both ways.
#[test]
fn processes_meet_and_pass_messages_and_descriptors() {
    let base = TempDir::new();
    let address = base.address("set");
    let listener = Listener::bind(&address, Access::default()).unwrap();
    assert!(listener.accept().unwrap().is_none());

    let server = connect(&address).unwrap().unwrap();
    server.send(&hello("set"), &[]).unwrap();
    let primary = listener.accept().unwrap().unwrap();
    assert!(listener.accept().unwrap().is_none());
    for end in [&server, &primary] {
        assert_eq!(end.peer_pid(), std::process::id() as i32);
        assert_eq!(end.peer_uid(), effective_user());
    }
    match primary.receive().unwrap() {
        Incoming::Message(message, fds) => {
            assert_eq!(message, hello("set"));
            assert!(fds.0.is_empty());
        }
        other => panic!("{other:?}"),
    }

    let memory = memfd::create(c"vdi-test", 64).unwrap();
    let area = Message::Area { index: 1, size: 64 };
    let copies = [memory.as_fd(), memory.as_fd()];
    primary.send(&area, &copies).unwrap();
    let Incoming::Message(message, mut fds) = server.receive().unwrap() else {
        panic!("the message is there");
    };
    assert_eq!(message, area);
    let fds = std::mem::take(&mut fds.0);
    assert_eq!(fds.len(), 2);
    assert!(closes_on_exec(listener.fd()));
    let ends = [&server, &primary];
    let own = ends
        .into_iter()
        .flat_map(|end| [Some(end.socket()), end.process()]);
    assert!(own.flatten().all(closes_on_exec));
    assert!(fds.iter().all(|fd| closes_on_exec(fd.as_fd())));
    let mut text = [0; 7];
    for (copy, wanted) in fds
        .into_iter()
        .map(File::from)
        .zip([b"through", b"and out"])
    {
        copy.write_all_at(wanted, 0).unwrap();
        File::from(memory.try_clone().unwrap())
            .read_exact_at(&mut text, 0)
            .unwrap();
        assert_eq!(&text, wanted);
    }
}

/// The second set of a name is refused, other names are not. [NAME-01, CSET-CREATE-04]
#[test]
fn a_name_is_used_once() {
    let base = TempDir::new();
    let address = base.address("set");
    let listener = Listener::bind(&address, Access::default()).unwrap();
    let error = Listener::bind(&base.address("set"), Access::default())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.text().contains("\"set\""), "{error}");
    let _other = Listener::bind(&base.address("Set"), Access::default()).unwrap();

    // The look of the second set was a connection that says nothing.
    let looked = listener.accept().unwrap().unwrap();
    assert!(matches!(looked.receive().unwrap(), Incoming::HangUp));
    assert!(connect(&address).unwrap().is_some());
}

#[test]
fn the_end_of_a_set_frees_its_name_and_leaves_no_file() {
    let base = TempDir::new();
    let address = base.address("set");
    for _ in 0..2 {
        let listener = Listener::bind(&address, Access::default()).unwrap();
        assert_eq!(base.files(), std::slice::from_ref(&address.path));
        drop(listener);
        assert!(base.files().is_empty());
        assert!(connect(&address).unwrap().is_none());
    }
}

#[test]
fn a_forked_child_ends_neither_the_set_nor_its_connections() {
    let _watchdog = Watchdog::start();
    let base = TempDir::new();
    let address = base.address("set");
    let mut listener = Some(Listener::bind(&address, Access::default()).unwrap());
    let mut near = connect(&address).unwrap();
    let far = listener.as_ref().unwrap().accept().unwrap().unwrap();
    assert!(holds_in_forked_child(|| {
        drop(near.take());
        drop(listener.take());
        true
    }));
    assert!(matches!(far.receive().unwrap(), Incoming::Nothing));
    assert!(connect(&address).unwrap().is_some());
    drop(near);
    assert!(matches!(far.receive().unwrap(), Incoming::HangUp));
}

#[test]
fn a_file_that_took_the_place_of_the_socket_is_left_alone() {
    let base = TempDir::new();
    let address = base.address("set");
    let listener = Listener::bind(&address, Access::default()).unwrap();
    fs::remove_file(&address.path).unwrap();
    let successor = Listener::bind(&address, Access::default()).unwrap();
    drop(listener);
    assert!(connect(&address).unwrap().is_some());
    drop(successor);
    assert!(base.files().is_empty());
}

#[test]
fn something_that_is_no_socket_is_named_and_not_removed() {
    let base = TempDir::new();
    let address = base.address("set");
    fs::write(&address.path, "precious").unwrap();
    let joins = connect(&address).map(|_| ()).unwrap_err();
    let creates = Listener::bind(&address, Access::default()).map(|_| ());
    for error in [joins, creates.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Security);
        assert!(
            error.text().contains(address.path.to_str().unwrap()),
            "{error}"
        );
    }
    assert_eq!(fs::read(&address.path).unwrap(), b"precious");
}

/// A failed announcement leaves nothing. [CSET-CREATE-10]
#[test]
fn a_directory_that_stays_locked_is_named() {
    let base = TempDir::new();
    let address = base.address("set");
    let lock = address.lock(Duration::ZERO).unwrap();
    for second in [&address, &base.address("other")] {
        let error = second.lock(Duration::ZERO).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert!(
            error.text().contains(base.path().to_str().unwrap()),
            "{error}"
        );
    }
    assert!(!forget(&address), "later");
    drop(lock);
    assert!(forget(&address), "nothing is left");
    assert!(base.address("other").lock(Duration::ZERO).is_ok());
    assert!(base.files().is_empty());
}

/// Announces a set and waits to be killed. Its child, which lives on, keeps the socket open.
#[test]
#[ignore = "a role of the tests below"]
fn role_primary() {
    let Some(directory) = Role::directory() else {
        return;
    };
    let listener = Listener::bind(&address_in(&directory, "set"), Access::default()).unwrap();
    let copy = listener.socket.try_clone().unwrap();
    // Reads the same input as this process, until the test closes it.
    let mut child = Command::new("cat")
        .stdout(Stdio::from(copy))
        .spawn()
        .unwrap();
    Role::ready();
    child.wait().unwrap();
}

const PRIMARY: &str = concat!(module_path!(), "::role_primary");

/// The name of a killed primary is free at once, even though a child of it still holds the socket.
/// [CRASH-04, CRASH-06, AMB-44]
#[test]
fn the_name_of_a_dead_process_is_reclaimed() {
    let _watchdog = Watchdog::start();
    let base = TempDir::new();
    let address = base.address("set");
    let mut primary = Role::start(PRIMARY, base.path());
    let channel = connect(&address).unwrap().unwrap();
    assert_eq!(channel.peer_pid(), primary.pid());
    assert!(Listener::bind(&address, Access::default()).is_err());

    primary.kill();
    assert_eq!(base.files(), std::slice::from_ref(&address.path));
    assert!(connect(&address).unwrap().is_none());
    let listener = Listener::bind(&address, Access::default()).unwrap();
    let channel = connect(&address).unwrap().unwrap();
    assert_eq!(channel.peer_pid(), std::process::id() as i32);
    drop(listener);
    assert!(base.files().is_empty());
}

/// Names are mostly used once, so whoever announces the next set cleans up. [CRASH-06]
#[test]
fn what_a_dead_process_left_goes_with_the_next_set() {
    let _watchdog = Watchdog::start();
    let base = TempDir::new();
    let mut primary = Role::start(PRIMARY, base.path());
    let living = Listener::bind(&base.address("living"), Access::default()).unwrap();
    let keepsake = base.path().join("notes.set");
    std::fs::write(&keepsake, "not a set").unwrap();
    assert_eq!(base.files().len(), 3, "a living set is not swept away");

    primary.kill();
    let next = Listener::bind(&base.address("next"), Access::default()).unwrap();
    assert_eq!(base.files().len(), 3, "the dead one is gone");
    assert!(connect(&base.address("living")).unwrap().is_some());
    std::fs::remove_file(keepsake).unwrap();
    drop((living, next));
    assert!(base.files().is_empty());
}
