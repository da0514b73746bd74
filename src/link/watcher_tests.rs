use super::*;
use crate::link::access::Access;
use crate::link::channel::{Channel, Incoming};
use crate::link::rendezvous::{Listener, connect};
use crate::link::support::{Role, TempDir, Watchdog, address_in};
use crate::sys::epoll::wait_readable;
use crate::sys::pidfd::holds_in_forked_child;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

/// Reports each call and then does what it is told to.
struct Probe<F> {
    input: UnixStream,
    calls: SyncSender<u32>,
    answer: F,
}

impl<F: Fn(&UnixStream) -> Next + Send + Sync + 'static> Probe<F> {
    /// A probe, the other end of its input, and its calls.
    fn new(answer: F) -> (Arc<Self>, UnixStream, Receiver<u32>) {
        let (output, input) = UnixStream::pair().unwrap();
        let (calls, called) = mpsc::sync_channel(1000);
        let probe = Self {
            input,
            calls,
            answer,
        };
        (Arc::new(probe), output, called)
    }

    /// As [`Self::new`], but registered and owned by the registration alone.
    fn watched(answer: F) -> (Watch, UnixStream, Receiver<u32>) {
        let (probe, output, called) = Self::new(answer);
        let watch = watch(probe.clone(), &[(probe.input.as_fd(), 7)]).unwrap();
        (watch, output, called)
    }
}

impl<F: Fn(&UnixStream) -> Next + Send + Sync> Watched for Probe<F> {
    fn ready(&self, token: u32) -> Next {
        let next = (self.answer)(&self.input);
        let _ = self.calls.send(token);
        next
    }
}

fn read_byte(mut input: &UnixStream) {
    input.read_exact(&mut [0]).unwrap();
}

#[test]
fn events_come_with_their_token_as_long_as_they_last() {
    let _watchdog = Watchdog::start();
    let (_watch, mut output, called) = Probe::watched(|input| {
        read_byte(input);
        Next::Keep
    });
    for _ in 0..3 {
        output.write_all(b"ab").unwrap();
        assert_eq!(called.recv(), Ok(7));
        assert_eq!(called.recv(), Ok(7));
    }
}

#[test]
fn the_thread_has_its_name_and_takes_no_signals() {
    let _watchdog = Watchdog::start();
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let (_watch, mut output, _called) = Probe::watched(move |_| {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        sender.lock().unwrap().send(status).unwrap();
        Next::Drop
    });
    output.write_all(b"a").unwrap();
    let status = receiver.recv().unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(field("Name:"), "vdi-link");
    let blocked = u64::from_str_radix(&field("SigBlk:"), 16).unwrap();
    // All but SIGKILL and SIGSTOP, which nobody can block, and two that the C library keeps.
    let unblockable = (1 << 8) | (1 << 18) | (1 << 31) | (1 << 32);
    assert_eq!(blocked | unblockable, u64::MAX);
}

/// The answer `Drop` is the end of the calls and of the target, without anybody dropping the watch.
#[test]
fn an_ended_registration_is_let_go_of() {
    let _watchdog = Watchdog::start();
    let (_watch, mut output, called) = Probe::watched(|_| Next::Drop);
    output.write_all(b"ab").unwrap();
    assert_eq!(called.recv(), Ok(7));
    // The probe is gone, and so is its end of the calls.
    assert!(called.recv().is_err());
}

#[test]
fn a_panic_ends_the_registration_and_not_the_thread() {
    let _watchdog = Watchdog::start();
    let (_watch, mut output, called) = Probe::watched(|_| std::panic::resume_unwind(Box::new(())));
    output.write_all(b"a").unwrap();
    // The probe is dropped without having reported.
    assert!(called.recv().is_err());

    let (_watch, mut output, called) = Probe::watched(|_| Next::Drop);
    output.write_all(b"a").unwrap();
    assert_eq!(called.recv(), Ok(7));
}

#[test]
fn dropping_a_watch_waits_for_the_call_in_progress() {
    let _watchdog = Watchdog::start();
    let (started, starts) = mpsc::sync_channel(0);
    let (release, released) = mpsc::sync_channel::<()>(0);
    let released = Mutex::new(released);
    let (watch, mut output, called) = Probe::watched(move |_| {
        started.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        Next::Keep
    });
    output.write_all(b"a").unwrap();
    starts.recv().unwrap();
    let (dropped, drops) = mpsc::channel();
    let dropper = thread::spawn(move || {
        drop(watch);
        dropped.send(()).unwrap();
    });
    // The call is in progress, so however long this waits, the drop has not returned.
    assert!(drops.recv_timeout(Duration::from_millis(50)).is_err());
    release.send(()).unwrap();
    drops.recv().unwrap();
    dropper.join().unwrap();
    assert_eq!(called.recv(), Ok(7));
    // The byte was not read, but there are no more calls and no more target.
    assert!(called.recv().is_err());
}

#[test]
fn a_watch_may_be_dropped_on_the_link_thread() {
    let _watchdog = Watchdog::start();
    let own: Arc<Mutex<Option<Watch>>> = Arc::default();
    let seen = own.clone();
    let (watch, mut output, called) = Probe::watched(move |input| {
        read_byte(input);
        drop(seen.lock().unwrap().take());
        Next::Keep
    });
    *own.lock().unwrap() = Some(watch);
    output.write_all(b"ab").unwrap();
    assert_eq!(called.recv(), Ok(7));
    assert!(called.recv().is_err());
}

/// The child's copy of a watch is not the child's to end, and its own watches work.
#[test]
fn a_forked_child_has_a_link_of_its_own() {
    let _watchdog = Watchdog::start();
    let (watch, mut output, called) = Probe::watched(|input| {
        read_byte(input);
        Next::Keep
    });
    let mut watch = Some(watch);
    assert!(holds_in_forked_child(|| {
        drop(watch.take());
        let (_watch, mut output, called) = Probe::watched(|_| Next::Drop);
        output.write_all(b"a").unwrap();
        called.recv() == Ok(7)
    }));
    output.write_all(b"a").unwrap();
    assert_eq!(called.recv(), Ok(7));
}

#[test]
fn a_target_may_be_watched_again() {
    let _watchdog = Watchdog::start();
    let (probe, mut output, called) = Probe::new(|input| {
        read_byte(input);
        Next::Keep
    });
    for token in 0..3 {
        let watch = watch(probe.clone(), &[(probe.input.as_fd(), token)]).unwrap();
        output.write_all(b"a").unwrap();
        assert_eq!(called.recv(), Ok(token));
        drop(watch);
    }
}

#[test]
fn a_failed_registration_leaves_nothing() {
    let (probe, _output, called) = Probe::new(|_| Next::Drop);
    let file = fs::File::open("/proc/self/exe").unwrap();
    // The kernel does not watch regular files.
    let descriptors = [(probe.input.as_fd(), 1), (file.as_fd(), 2)];
    assert!(watch(probe.clone(), &descriptors).is_err());
    drop(probe);
    assert!(called.recv().is_err());
}

/// Ends its registration when the channel hangs up, and tells who was on it.
struct Lifeline {
    channel: Channel,
    ended: SyncSender<(u32, i32)>,
}

const SOCKET: u32 = 1;
const PROCESS: u32 = 2;

impl Lifeline {
    fn watched(channel: Channel) -> (Watch, Arc<Self>, Receiver<(u32, i32)>) {
        let (ended, ends) = mpsc::sync_channel(10);
        let lifeline = Arc::new(Self { channel, ended });
        let mut descriptors = vec![(lifeline.channel.socket(), SOCKET)];
        descriptors.extend(lifeline.channel.process().map(|fd| (fd, PROCESS)));
        let watch = watch(lifeline.clone(), &descriptors).unwrap();
        (watch, lifeline, ends)
    }
}

impl Watched for Lifeline {
    fn ready(&self, token: u32) -> Next {
        match self.channel.receive() {
            Ok(Incoming::HangUp) => {
                let _ = self.ended.send((token, self.channel.peer_pid()));
                Next::Drop
            }
            _ => Next::Keep,
        }
    }
}

/// Exit without Close. [CRASH-05]
#[test]
fn a_hang_up_is_seen() {
    let _watchdog = Watchdog::start();
    let (near, far) = TempDir::new().channels();
    let (_watch, _lifeline, ends) = Lifeline::watched(near);
    drop(far);
    assert_eq!(ends.recv(), Ok((SOCKET, std::process::id() as i32)));
}

/// Connects and waits to be killed. Its child, which lives on, keeps the socket open.
#[test]
#[ignore = "a role of the test below"]
fn role_peer() {
    let Some(directory) = Role::directory() else {
        return;
    };
    let channel = connect(&address_in(&directory, "set")).unwrap().unwrap();
    let copy = channel.socket().try_clone_to_owned().unwrap();
    // Reads the same input as this process, until the test closes it.
    let mut child = Command::new("cat")
        .stdout(Stdio::from(copy))
        .spawn()
        .unwrap();
    Role::ready();
    child.wait().unwrap();
}

/// The death of a process is seen although a child of it keeps its socket open. [CRASH-01,
/// CRASH-02, CRASH-05, AMB-37]
#[test]
fn a_child_of_the_peer_does_not_hide_its_death() {
    let _watchdog = Watchdog::start();
    let base = TempDir::new();
    let listener = Listener::bind(&base.address("set"), Access::default()).unwrap();
    let mut peer = Role::start(concat!(module_path!(), "::role_peer"), base.path());
    let channel = listener.accept().unwrap().unwrap();
    assert_eq!(channel.peer_pid(), peer.pid());
    if channel.process().is_none() {
        return;
    }
    let (_watch, lifeline, ends) = Lifeline::watched(channel);
    assert!(ends.try_recv().is_err());

    peer.kill();
    assert_eq!(ends.recv(), Ok((PROCESS, peer.pid())));
    let socket = lifeline.channel.socket();
    assert!(!wait_readable(&[socket], Duration::ZERO).unwrap());
    let incoming = lifeline.channel.receive_within(Duration::MAX).unwrap();
    assert!(matches!(incoming, Incoming::HangUp));

    // The end of the child, which shows that it was there.
    drop(peer);
    assert!(wait_readable(&[socket], Duration::from_secs(30)).unwrap());
}
