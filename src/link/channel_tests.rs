//! Tests of messages, hang-ups and descriptors over a connection.

use super::*;
use crate::link::support::{TempDir, Watchdog};
use crate::sys::socket::MAX_DESCRIPTORS;
use std::cell::Cell;
use std::os::unix::net::UnixStream;

thread_local! {
    /// Descriptors that this thread has let go.
    pub(super) static LET_GO: Cell<usize> = const { Cell::new(0) };
}

const WELCOME: Message = Message::Welcome {
    participant: 1,
    size: 4096,
};

#[test]
fn nothing_comes_from_a_silent_peer() {
    let (near, _far) = TempDir::new().channels();
    assert!(matches!(near.receive().unwrap(), Incoming::Nothing));
    let limit = Duration::from_millis(20);
    let start = Instant::now();
    let incoming = near.receive_within(limit).unwrap();
    assert!(matches!(incoming, Incoming::Nothing));
    assert!(start.elapsed() >= limit);
}

#[test]
fn a_waiting_receiver_gets_the_message() {
    let _watchdog = Watchdog::start();
    let (near, far) = TempDir::new().channels();
    let sender = std::thread::spawn(move || {
        far.send(&WELCOME, &[]).unwrap();
        far
    });
    let incoming = near.receive_within(Duration::MAX).unwrap();
    assert!(matches!(incoming, Incoming::Message(WELCOME, fds) if fds.0.is_empty()));
    sender.join().unwrap();
}

/// A refusal reaches a peer whose own message was never read, whether it speaks once more or not.
#[test]
fn last_words_come_before_the_hang_up() {
    for speaks in [false, true] {
        let (near, far) = TempDir::new().channels();
        near.send(&WELCOME, &[]).unwrap();
        far.send(&WELCOME, &[]).unwrap();
        drop(far);
        if speaks {
            near.send(&WELCOME, &[]).unwrap();
        }
        assert!(matches!(
            near.receive().unwrap(),
            Incoming::Message(WELCOME, _)
        ));
        for _ in 0..2 {
            assert!(matches!(near.receive().unwrap(), Incoming::HangUp));
            near.send(&WELCOME, &[]).unwrap();
        }
    }
}

/// Closing a set is seen although a copy of the socket is still open, as in a child that was
/// forked. [CRASH-05]
#[test]
fn a_copy_of_the_socket_does_not_hide_the_hang_up() {
    let (near, far) = TempDir::new().channels();
    let copy = far.socket().try_clone_to_owned().unwrap();
    drop(far);
    assert!(matches!(near.receive().unwrap(), Incoming::HangUp));
    drop(copy);
}

#[test]
fn a_peer_that_never_reads_is_an_error() {
    let (near, _far) = TempDir::new().channels();
    let full = (0..100_000).find_map(|_| near.send(&WELCOME, &[]).err());
    let error = full.expect("the queue has an end");
    assert_eq!(error.kind(), ErrorKind::Unexpected);
    let pid = std::process::id().to_string();
    assert!(error.text().contains(&pid), "{error}");
}

/// A peer that sends nonsense gets an error, not a crash. [SEC-07]
#[test]
fn malformed_messages_are_recognised() {
    let (near, far) = TempDir::new().channels();
    let mut with_tail = WELCOME.encode();
    with_tail.push(0);
    let packets: [(&[u8], &str); 2] = [
        (b"GET / HTTP/1.0", "does not come from this library"),
        (&with_tail, "longer than its fields"),
    ];
    for (packet, reason) in packets {
        socket::send(far.socket(), packet, &[]).unwrap();
        match near.receive().unwrap() {
            Incoming::Nonsense(text) => assert!(text.contains(reason), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    let too_long = [0; message::MAX_LEN + 1];
    socket::send(far.socket(), &too_long, &[]).unwrap();
    assert!(near.receive().is_err());
    far.send(&WELCOME, &[]).unwrap();
    assert!(near.receive().is_ok());
}

#[test]
fn descriptors_have_a_limit_and_are_closed_with_a_bad_message() {
    let (near, far) = TempDir::new().channels();
    let memory = memfd::create(c"vdi-test", 64).unwrap();
    let fds = [memory.as_fd(); MAX_DESCRIPTORS + 1];
    assert!(far.send(&WELCOME, &fds).is_err());

    far.send(&WELCOME, &fds[1..]).unwrap();
    match near.receive().unwrap() {
        Incoming::Message(WELCOME, fds) => assert_eq!(fds.0.len(), MAX_DESCRIPTORS),
        other => panic!("{other:?}"),
    }

    let (watched, given) = UnixStream::pair().unwrap();
    let fds = [given.as_fd(); MAX_DESCRIPTORS];
    for packet in [b"nonsense".as_slice(), &WELCOME.encode()] {
        socket::send(far.socket(), packet, &fds).unwrap();
        assert!(matches!(near.receive().unwrap(), Incoming::Nonsense(_)));
    }
    drop(given);
    // Its other end is closed only when no copy is left.
    assert!(wait_readable(&[watched.as_fd()], Duration::from_secs(30)).unwrap());
}

/// Memory that nobody takes may be more than anybody can wait for. [SEC-07]
#[test]
fn memory_that_is_not_taken_is_freed_elsewhere() {
    let (near, far) = TempDir::new().channels();
    let memory = memfd::create(c"vdi-test", 64).unwrap();
    let come = |packet: &[u8], count: usize| {
        let fds = vec![memory.as_fd(); count];
        socket::send(far.socket(), packet, &fds).unwrap();
        near.receive().unwrap()
    };
    let taken = |incoming| match incoming {
        Incoming::Message(WELCOME, fds) => fds.take_only().is_some(),
        other => panic!("{other:?}"),
    };
    let welcome = WELCOME.encode();
    LET_GO.set(0);
    assert!(taken(come(&welcome, 1)));
    assert_eq!(LET_GO.take(), 0, "it is the taker's");
    assert!(!taken(come(&welcome, 2)));
    assert_eq!(LET_GO.take(), 2, "one too many");
    drop(come(&welcome, 1));
    assert_eq!(LET_GO.take(), 1, "a message that carries none");
    assert!(matches!(come(b"nonsense", 2), Incoming::Nonsense(_)));
    assert_eq!(LET_GO.take(), 2);
}

/// A packet without a byte is not taken for the end: a slow descriptor may wait behind it. [SEC-07]
#[test]
fn what_waits_at_the_end_is_seen() {
    let (near, far) = TempDir::new().channels();
    near.hang_up();
    assert!(!socket::has_packet(near.socket()).unwrap());
    drop((near, far));
    for packet in [&b""[..], b"x"] {
        let (near, far) = TempDir::new().channels();
        socket::send(far.socket(), packet, &[far.socket()]).unwrap();
        near.hang_up();
        assert!(socket::has_packet(near.socket()).unwrap());
        assert!(socket::has_packet(near.socket()).unwrap(), "it still waits");
    }
}
