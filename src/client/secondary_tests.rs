use super::super::handles::Meaning;
use super::super::support::{REQUESTED, close_devices, configure, control, created, name};
use super::*;
use crate::link::access::Access;
use crate::link::channel::Channel;
use crate::link::rendezvous::Listener;
use crate::link::support::{TempDir, Watchdog};
use crate::participant::AbortReason;
use crate::protocol::codes::VDI_ABORT_RESOURCES;
use crate::protocol::codes::{
    VDI_ABORT_CLIENT, VDI_ABORT_CLIENT_CLOSED, VDI_ABORT_PRIMARY_DIED, VDI_ABORT_SERVER,
};
use crate::protocol::command;
use crate::shm::area::Area;
use crate::shm::control::{Control, write_config};
use crate::sync::Ordering;
use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

/// A primary that the test plays, and a secondary of its set.
struct Scene {
    primary: Arc<Inner>,
    channel: Channel,
    set: Arc<Inner>,
    secondary: Secondary,
    directory: TempDir,
    _watchdog: Watchdog,
}

fn same(control: &Control) -> Control {
    let fd = control.fd().try_clone_to_owned().unwrap();
    Control::open(fd, control.size()).unwrap()
}

fn place(control: &Control, directory: &TempDir) -> (Place, Channel) {
    let (near, far) = directory.channels();
    let host = Host {
        channel: near,
        address: directory.address("set"),
    };
    let control = same(control);
    let place = Place {
        control,
        host,
        number: 2,
    };
    (place, far)
}

fn scene() -> Scene {
    let (directory, primary) = (TempDir::new(), created());
    configure(&primary);
    let (place, channel) = place(primary.participant.control(), &directory);
    let (set, secondary) = enter(place, &name()).unwrap();
    Scene {
        primary,
        channel,
        set,
        secondary,
        directory,
        _watchdog: Watchdog::start(),
    }
}

impl Scene {
    /// What the secondary's library does when the primary's end of the connection is closed.
    fn hang_up(&self) -> Option<u32> {
        let next = self.secondary.member.handle(Incoming::HangUp);
        assert_eq!(next.unwrap(), Next::Drop);
        self.reason().map(|reason| reason.code)
    }

    fn reason(&self) -> Option<AbortReason> {
        self.primary.participant.abort_reason()
    }

    fn primary_has_pid(&self, pid: u32) {
        let header = self.primary.participant.control().header();
        header.primary_life.0.pid.store(pid, Ordering::Release);
    }

    /// The next message of the secondary; `None` for its hang-up.
    fn hear(&self) -> Option<Message> {
        match self.channel.receive_within(Duration::MAX).unwrap() {
            Incoming::Message(message, _) => Some(message),
            Incoming::HangUp => None,
            other => panic!("{other:?}"),
        }
    }
}

/// A primary that goes too early ends the set, whether it closed it or died. [CRASH-02, NT-04]
#[test]
fn a_hang_up_before_the_devices_are_closed_is_an_abort() {
    assert_eq!(scene().hang_up(), Some(VDI_ABORT_CLIENT_CLOSED));
    let died = scene();
    died.primary_has_pid(4711);
    assert_eq!(died.hang_up(), Some(VDI_ABORT_PRIMARY_DIED));
    assert!(died.reason().unwrap().text.contains("4711"));
}

/// [NT-04]
#[test]
fn a_hang_up_after_the_devices_are_closed_is_none() {
    let scene = scene();
    close_devices(&scene.primary);
    scene.primary_has_pid(4711);
    assert_eq!(scene.hang_up(), None);
}

#[test]
fn a_hang_up_after_an_abort_leaves_its_reason() {
    let scene = scene();
    scene.primary.participant.abort(VDI_ABORT_SERVER, "first");
    assert_eq!(scene.hang_up(), Some(VDI_ABORT_SERVER));
}

/// The background thread hears the hang-up, too.
#[test]
fn a_real_hang_up_aborts_the_set() {
    let scene = scene();
    drop(scene.channel);
    while scene.primary.participant.abort_reason().is_none() {
        std::thread::yield_now();
    }
}

/// What the dead primary has not sent does not come; the wait for it goes on until then. [AMB-06]
#[test]
fn a_hang_up_ends_the_wait_for_an_area() {
    let scene = scene();
    let place = command::Place {
        area: 0,
        offset: 65536,
    };
    let set = Arc::clone(&scene.set);
    let waiter = std::thread::spawn(move || set.buffer_at(Meaning { place, size: 1 }).err());
    scene.primary.participant.abort(VDI_ABORT_CLIENT, "");
    while scene.set.participant.abort_reason().is_none() {
        std::thread::yield_now();
    }
    assert!(!waiter.is_finished());
    drop(scene.channel);
    let error = waiter.join().unwrap().unwrap();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn areas_are_mapped_and_acknowledged() {
    let scene = scene();
    for index in 0..2 {
        let (area, memory) = Area::create(index, 65536).unwrap();
        let size = area.size();
        let message = Message::Area { index, size };
        scene.channel.send(&message, &[memory.as_fd()]).unwrap();
        let areas = index + 1;
        assert_eq!(scene.hear(), Some(Message::Mapped { areas }));
        assert!(scene.set.areas.get(index).is_some());
    }
}

/// What a secondary cannot make sense of, or cannot do, ends the set. [SEC-07, LNX-11]
#[test]
fn wrong_messages_of_the_primary_abort_the_set() {
    let size = 65536;
    let area = |index| Message::Area { index, size };
    for (message, code) in [
        (Message::Mapped { areas: 1 }, VDI_ABORT_CORRUPTION),
        (area(0), VDI_ABORT_RESOURCES),
        (area(1), VDI_ABORT_RESOURCES),
    ] {
        let scene = scene();
        let (_, memory) = Area::create(0, size).unwrap();
        // Area 0 comes without its memory, area 1 out of order.
        let with_memory = matches!(message, Message::Area { index: 1, .. });
        let fds: &[_] = if with_memory { &[memory.as_fd()] } else { &[] };
        scene.channel.send(&message, fds).unwrap();
        let reason = loop {
            if let Some(reason) = scene.reason() {
                break reason;
            }
            std::thread::yield_now();
        };
        assert_eq!(reason.code, code, "{message:?}");
        assert_eq!(scene.set.areas.count(), 0);
    }
}

/// [SEC-07]
#[test]
fn a_set_with_an_impossible_configuration_is_not_entered() {
    let (directory, control) = (TempDir::new(), control());
    let impossible = Configuration {
        device_count: 3,
        ..REQUESTED
    };
    write_config(&control.header().requested, impossible.to_words());
    let (place, _channel) = place(&control, &directory);
    let error = enter(place, &name()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
}

/// The sockets in the directory.
fn sockets(directory: &TempDir) -> Vec<PathBuf> {
    let is_socket = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "set");
    directory.files().into_iter().filter(is_socket).collect()
}

/// A socket that nobody listens to any more, as a killed process leaves it.
fn leave_behind(directory: &TempDir) {
    let address = directory.address("set");
    let listener = Listener::bind(&address, Access::default()).unwrap();
    let file = sockets(directory).pop().unwrap();
    let aside = file.with_extension("aside");
    fs::rename(&file, &aside).unwrap();
    drop(listener);
    fs::rename(&aside, &file).unwrap();
}

/// The secondary that leaves last removes what a dead primary has left, and nothing of a primary
/// that has left in order: the name may be somebody else's. [CRASH-06]
#[test]
fn a_secondary_buries_a_dead_primary() {
    for (pid, left) in [(4711, 0), (0, 1)] {
        let scene = scene();
        leave_behind(&scene.directory);
        scene.primary_has_pid(pid);
        drop(scene.channel);
        drop(scene.secondary);
        assert_eq!(sockets(&scene.directory).len(), left);
    }
}

/// A secondary that closes the set hangs up, and the set goes on. [CRASH-03]
#[test]
fn leaving_is_a_hang_up_and_no_abort() {
    let Scene {
        primary,
        channel,
        set,
        secondary,
        ..
    } = scene();
    drop((secondary, set));
    let incoming = channel.receive_within(Duration::MAX).unwrap();
    assert!(matches!(incoming, Incoming::HangUp));
    assert_eq!(primary.participant.abort_reason(), None);
    primary.participant.abort(VDI_ABORT_CLIENT, "");
}
