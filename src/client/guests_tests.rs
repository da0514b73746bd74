use super::super::support::{close_devices, configure, created, name};
use super::*;
use crate::link::support::{TempDir, Watchdog};
use crate::protocol::codes::VDI_ABORT_SERVER_DIED;
use crate::protocol::state::Phase;
use crate::queue::patience::Patience;
use crate::shm::area::Area;
use crate::sync::{AtomicBool, Ordering};
use crate::sys::socket;
use std::time::Duration;

/// The primary of a set, and the door through which the peers of a test come in.
struct Scene {
    set: Arc<Inner>,
    guests: Arc<Guests>,
    directory: TempDir,
    _watchdog: Watchdog,
}

fn scene() -> Scene {
    let set = created();
    Scene {
        guests: Arc::new(Guests::new(Arc::clone(&set), Instance::default())),
        set,
        directory: TempDir::new(),
        _watchdog: Watchdog::start(),
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.guests.dismiss();
    }
}

fn hello(role: Role) -> Message {
    Message::Hello {
        role,
        instance: Vec::new(),
        name: name().as_bytes().to_vec(),
    }
}

/// What the primary says next; `None` is its hang-up.
fn hear(peer: &Channel) -> Option<Message> {
    match peer.receive_within(Duration::MAX).unwrap() {
        Incoming::Message(message, _) => Some(message),
        Incoming::HangUp => None,
        other => panic!("{other:?}"),
    }
}

fn is_silent(peer: &Channel) -> bool {
    let incoming = peer.receive_within(Duration::from_millis(50)).unwrap();
    matches!(incoming, Incoming::Nothing)
}

impl Scene {
    /// A peer that has said all this before the primary looks.
    fn visit(&self, words: &[Message]) -> Channel {
        let (near, far) = self.directory.channels();
        for message in words {
            near.send(message, &[]).unwrap();
        }
        self.guests.admit(far);
        near
    }

    /// A peer that is let in, and its number.
    fn enter(&self, role: Role) -> (Channel, u32) {
        let peer = self.visit(&[hello(role)]);
        match hear(&peer) {
            Some(Message::Welcome { participant, .. }) => (peer, participant),
            other => panic!("{other:?}"),
        }
    }

    /// A server that has opened the set.
    fn attach(&self) -> Channel {
        let (server, _) = self.enter(Role::Server);
        let participant = &self.set.participant;
        assert!(participant.advance(Phase::Created, Phase::Connected));
        server
    }

    /// A secondary of a configured set.
    fn join(&self) -> Channel {
        configure(&self.set);
        self.enter(Role::Secondary).0
    }

    /// Until the primary has noticed that its server is gone: another one may try.
    fn until_no_server(&self) {
        loop {
            let peer = self.visit(&[hello(Role::Server)]);
            match hear(&peer) {
                Some(Message::Refused {
                    kind: ErrorKind::Busy,
                    ..
                }) => {}
                Some(Message::Refused { .. } | Message::Welcome { .. }) => return,
                other => panic!("{other:?}"),
            }
        }
    }

    fn abort_code(&self) -> Option<u32> {
        let reason = self.set.participant.abort_reason();
        reason.map(|reason| reason.code)
    }
}

/// The primary is participant 1; everybody else has a number of its own. [PROC-04]
#[test]
fn guests_are_numbered_from_2() {
    let scene = scene();
    let (server, number) = scene.enter(Role::Server);
    assert_eq!(number, 2);
    configure(&scene.set);
    let (first, number) = scene.enter(Role::Secondary);
    assert_eq!(number, 3);
    drop(first);
    let (_second, number) = scene.enter(Role::Secondary);
    assert_eq!(number, 4);
    assert_eq!(scene.abort_code(), None);
    close_devices(&scene.set);
    drop(server);
}

/// The file of a set may have been that of another one a moment ago. [NAME-01]
#[test]
fn who_asks_for_another_set_is_refused() {
    let ask = |instance: &[u8], asked: &[u8]| Message::Hello {
        role: Role::Server,
        instance: instance.to_vec(),
        name: asked.to_vec(),
    };
    let scene = scene();
    for message in [
        ask(b"", b"SET"),
        ask(b"other", b"set"),
        ask(b"other", b"SET"),
    ] {
        let peer = scene.visit(&[message]);
        match hear(&peer) {
            Some(Message::Refused { kind, .. }) => assert_eq!(kind, ErrorKind::Unexpected),
            other => panic!("{other:?}"),
        }
        assert_eq!(hear(&peer), None);
    }
    scene.enter(Role::Server);
}

/// Somebody who does not wait for the answer gets none, and no place. [AMB-27]
#[test]
fn the_impatient_get_no_place() {
    let scene = scene();
    let server = hello(Role::Server);
    let peer = scene.visit(&[server.clone(), server]);
    assert_eq!(hear(&peer), None);
    assert_eq!(scene.enter(Role::Server).1, 2);
}

/// [SEC-07]
#[test]
fn a_server_that_talks_nonsense_ends_the_set() {
    for nonsense in [true, false] {
        let scene = scene();
        let server = scene.attach();
        if nonsense {
            socket::send(server.socket(), b"GET / HTTP/1.0", &[]).unwrap();
        } else {
            server.send(&Message::Mapped { areas: 1 }, &[]).unwrap();
        }
        assert_eq!(hear(&server), None);
        assert_eq!(scene.abort_code(), Some(VDI_ABORT_CORRUPTION));
    }
}

/// A secondary that talks nonsense, or a guest without a place, is let go and nothing else. [SEC-07]
#[test]
fn others_that_talk_nonsense_are_let_go() {
    let scene = scene();
    let _server = scene.enter(Role::Server);
    configure(&scene.set);
    let (secondary, _) = scene.enter(Role::Secondary);
    secondary.send(&hello(Role::Secondary), &[]).unwrap();
    assert_eq!(hear(&secondary), None);
    let (secondary, _) = scene.enter(Role::Secondary);
    socket::send(secondary.socket(), b"GET / HTTP/1.0", &[]).unwrap();
    assert_eq!(hear(&secondary), None);
    let stranger = scene.visit(&[Message::Mapped { areas: 1 }]);
    assert_eq!(hear(&stranger), None);
    assert_eq!(scene.abort_code(), None);
}

/// [CRASH-01, AMB-27]
#[test]
fn the_end_of_a_server_counts_when_it_has_opened_the_set() {
    let scene = scene();
    drop(scene.enter(Role::Server));
    scene.until_no_server();
    assert_eq!(scene.abort_code(), None);
    scene.until_no_server();
    drop(scene.attach());
    scene.until_no_server();
    assert_eq!(scene.abort_code(), Some(VDI_ABORT_SERVER_DIED));
}

/// A secondary may die between taking the sign of a sleeper away and waking it. [CRASH-03]
#[test]
fn the_end_of_a_guest_wakes_everybody() {
    let scene = scene();
    let (secondary, news) = (scene.join(), AtomicBool::new(false));
    let (participant, patience) = (&scene.set.participant, Patience::default());
    let ready = || news.load(Ordering::Acquire).then_some(Ok(()));
    std::thread::scope(|threads| {
        let bell = participant.agent_bell();
        let waiter = threads.spawn(move || participant.wait(bell, &patience, None, ready));
        let word = &participant.control().header().agent_bell.0;
        while word.load(Ordering::Acquire) == 0 {
            std::thread::yield_now();
        }
        // It is mostly asleep by now; if not, the test shows nothing this time.
        std::thread::sleep(Duration::from_millis(20));
        news.store(true, Ordering::Release);
        word.store(0, Ordering::Release);
        drop(secondary);
        assert!(waiter.join().unwrap().is_ok());
    });
}

/// [AMB-27]
#[test]
fn there_is_one_server_at_a_time() {
    let scene = scene();
    let _server = scene.enter(Role::Server);
    let second = scene.visit(&[hello(Role::Server)]);
    match hear(&second) {
        Some(Message::Refused { kind, .. }) => assert_eq!(kind, ErrorKind::Busy),
        other => panic!("{other:?}"),
    }
}

/// When the primary closes the set, the others see it hang up. [NT-04]
#[test]
fn everybody_is_let_go_at_the_end() {
    let scene = scene();
    let (server, _) = scene.enter(Role::Server);
    scene.guests.dismiss();
    assert_eq!(hear(&server), None);
}

/// [LNX-11]
#[test]
fn an_area_that_cannot_be_mapped_ends_the_set() {
    let scene = scene();
    let server = scene.attach();
    let size = 65536;
    server.send(&Message::Area { index: 0, size }, &[]).unwrap();
    while scene.abort_code().is_none() {
        std::thread::yield_now();
    }
    assert_eq!(scene.abort_code(), Some(VDI_ABORT_RESOURCES));
}

/// A secondary that is stopped must not fill its socket: 32 areas are on their way at most.
#[test]
fn areas_are_told_a_few_at_a_time() {
    const AREAS: u32 = 40;
    let scene = scene();
    let server = scene.attach();
    for index in 0..AREAS {
        let (area, memory) = Area::create(index, 65536).unwrap();
        let size = area.size();
        let message = Message::Area { index, size };
        // The server of a test is no faster than its primary, or the socket is full.
        server.send(&message, &[memory.as_fd()]).unwrap();
        while scene.set.areas.count() <= index as usize {
            std::thread::yield_now();
        }
    }
    let participant = &scene.set.participant;
    assert!(participant.advance(Phase::Connected, Phase::Configurable));
    assert!(participant.advance(Phase::Configurable, Phase::Configured));
    let (secondary, _) = scene.enter(Role::Secondary);
    let mut told = 0;
    for (mapped, known) in [(1, 32), (8, 33), (AREAS, 40)] {
        while told < known {
            let size = 65536;
            assert_eq!(hear(&secondary), Some(Message::Area { index: told, size }));
            told += 1;
        }
        assert!(is_silent(&secondary));
        let areas = mapped;
        secondary.send(&Message::Mapped { areas }, &[]).unwrap();
    }
    assert!(is_silent(&secondary));
}
