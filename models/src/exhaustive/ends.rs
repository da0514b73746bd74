//! Ends against everything else: abort, close of the server, close of the client, hang-up.

use super::support::{Ending, configured, explore, send};
use crate::client;
use crate::client::scene::Client;
use crate::error::ErrorKind;
use crate::protocol::codes::{VDI_ABORT_CLIENT, VDI_ABORT_SERVER_CLOSED};
use crate::protocol::command::Completion;
use crate::protocol::name::Name;
use crate::protocol::state::Phase;
use crate::server;
use crate::server::scene::Server;
use crate::sync::thread;
use crate::sys::robust;
use std::sync::Arc;

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn agent(server: &Arc<Server>) -> thread::JoinHandle<crate::Result<()>> {
    let server = Arc::clone(server);
    thread::spawn(move || server.set.execute_completion_agent())
}

/// A set whose one device both sides have opened, and how its command ends.
type Opened = (
    Arc<Server>,
    Arc<Client>,
    client::Device,
    server::Device,
    Arc<Ending>,
);

fn opened() -> Opened {
    let (control, server, client) = configured(1);
    let theirs = client.take_device(0).unwrap();
    let device = server.device(&control);
    (server, client, theirs, device, Arc::default())
}

/// A server that aborts the set and hangs up, as the client hears of it.
fn server_leaves(server: Arc<Server>, client: &Arc<Client>) -> thread::JoinHandle<()> {
    let client = Arc::clone(client);
    thread::spawn(move || {
        let participant = server.participant();
        participant.abort(VDI_ABORT_SERVER_CLOSED, "");
        client.server_left();
    })
}

/// Takes one command and completes it; the kind of the first error.
fn work_once(device: &client::Device) -> Option<ErrorKind> {
    let command = match device.get_command(None) {
        Ok(command) => command,
        Err(error) => return Some(error.kind()),
    };
    let result = device.complete(&command, Completion::default());
    result.err().map(|error| error.kind())
}

/// Whoever waits for anything is told, and every command ends once. [ABT-03, ABT-08, SSET-AGENT-09]
pub fn an_abort_ends_everything_once() {
    explore(2, || {
        let (server, client, theirs, device, ending) = opened();
        let worker = thread::spawn(move || work_once(&theirs));
        let agent = agent(&server);
        let aborter = thread::spawn({
            let client = Arc::clone(&client);
            move || client.participant().abort(VDI_ABORT_CLIENT, "stop")
        });
        let sent = send(&device, &ending);
        assert!(sent.is_ok_and(|()| true) || !ending.succeeded());
        aborter.join().unwrap();
        let end = worker.join().unwrap();
        assert!([None, Some(ErrorKind::Abort)].contains(&end));
        let result = agent.join().unwrap();
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Abort);
        ending.succeeded();
    });
}

/// The close of the server waits for its agent; what is outstanding ends once, and nothing after
/// it. [SSET-CLOSE-01, SSET-AGENT-09]
pub fn a_close_of_the_server_ends_its_agent_and_its_commands() {
    explore(2, || {
        let (server, _client, theirs, device, ending) = opened();
        send(&device, &ending).unwrap();
        let command = theirs.get_command(None).unwrap();
        let completer = thread::spawn(move || {
            let result = theirs.complete(&command, Completion::default());
            result.err().map(|error| error.kind())
        });
        let agent = agent(&server);
        let closed = server.set.close().unwrap_err();
        assert_eq!(closed.kind(), ErrorKind::Protocol);
        ending.succeeded();
        let left = agent.join().unwrap().map_err(|error| error.kind());
        assert!([Ok(()), Err(ErrorKind::Protocol), Err(ErrorKind::Abort)].contains(&left));
        let end = completer.join().unwrap();
        assert!([None, Some(ErrorKind::Abort)].contains(&end));
    });
}

/// A send that comes too late calls its callback, too. [SDEV-SEND-04]
pub fn a_command_that_meets_a_close_ends_once() {
    explore(3, || {
        let (control, server, _client) = configured(1);
        let device = server.device(&control);
        let ending = Arc::new(Ending::default());
        let sender = thread::spawn({
            let ending = Arc::clone(&ending);
            move || send(&device, &ending).is_ok()
        });
        let _ = server.set.close();
        sender.join().unwrap();
        assert!(!ending.succeeded());
    });
}

/// Two threads close: one does it, the other is refused; both return.
pub fn of_two_closes_one_is_the_close() {
    explore(2, || {
        let (control, server, _client) = configured(1);
        let device = server.device(&control);
        let ending = Arc::new(Ending::default());
        send(&device, &ending).unwrap();
        let agent = agent(&server);
        let other = thread::spawn({
            let server = Arc::clone(&server);
            move || server.set.close().unwrap_err()
        });
        // Both are Protocol: a device was open, or the set was closed already.
        let errors = [server.set.close().unwrap_err(), other.join().unwrap()];
        assert!(
            errors
                .iter()
                .all(|error| error.kind() == ErrorKind::Protocol)
        );
        assert!(!ending.succeeded());
        let _ = agent.join().unwrap();
    });
}

/// Allocating and freeing buffers while another thread closes: before or after, not in between.
/// [SSET-CLOSE-02]
pub fn buffers_are_allocated_before_a_close_or_not_at_all() {
    explore(3, || {
        let (_control, server, _client) = configured(1);
        drop(server.buffers(1));
        let user = thread::spawn({
            let server = Arc::clone(&server);
            move || {
                let Ok(buffer) = server.set.allocate_buffer(4096, 4096) else {
                    return;
                };
                let freed = server.set.free_buffer(buffer.address(), 4096);
                let error = freed.err().map(|error| error.kind());
                assert!([None, Some(ErrorKind::Protocol)].contains(&error));
            }
        });
        let _ = server.set.close();
        user.join().unwrap();
        assert!(server.set.allocate_buffer(4096, 4096).is_err());
    });
}

/// A thread that makes buffers while another closes: the close takes them along, or refuses them.
/// [SSET-CLOSE-02]
pub fn an_area_is_added_before_a_close_or_not_at_all() {
    explore(3, || {
        let (_control, server, _client) = configured(1);
        let maker = thread::spawn({
            let server = Arc::clone(&server);
            move || server.add_area().is_ok()
        });
        let _ = server.set.close();
        maker.join().unwrap();
        assert!(server.has_no_area());
    });
}

/// A client that completes its last command and leaves has completed it. [CSET-CLOSE-06, NT-03]
pub fn what_a_client_completed_before_it_left_counts() {
    explore(2, || {
        let (server, client, theirs, device, ending) = opened();
        send(&device, &ending).unwrap();
        let command = theirs.get_command(None).unwrap();
        device.close().unwrap();
        let agent = agent(&server);
        theirs.complete(&command, Completion::default()).unwrap();
        client.set.close().unwrap();
        server.primary_gone();
        agent.join().unwrap().unwrap();
        assert!(ending.succeeded());
        server.set.close().unwrap();
    });
}

/// A client that leaves with a command in progress ends the set. [CSET-CLOSE-06]
pub fn what_a_client_left_behind_is_aborted() {
    explore(2, || {
        let (server, client, theirs, device, ending) = opened();
        send(&device, &ending).unwrap();
        drop(theirs.get_command(None).unwrap());
        let agent = agent(&server);
        device.close().unwrap();
        assert!(client.set.close().is_err());
        server.primary_gone();
        assert!(agent.join().unwrap().is_err());
        assert!(!ending.succeeded());
    });
}

/// A thread in GetCommand while another closes the client's set: it is refused, or it has taken
/// its command before. [AMB-33]
pub fn a_close_of_the_client_ends_its_waits() {
    explore(2, || {
        let (control, server, client) = configured(1);
        let theirs = client.take_device(0).unwrap();
        let device = server.device(&control);
        let worker = thread::spawn(move || work_once(&theirs));
        let sender = thread::spawn(move || {
            let ending = Arc::new(Ending::default());
            let sent = send(&device, &ending);
            (ending, sent.is_ok())
        });
        let closed = client.set.close();
        assert_eq!(closed.unwrap_err().kind(), ErrorKind::Open);
        let end = worker.join().unwrap();
        assert!(
            [None, Some(ErrorKind::Protocol), Some(ErrorKind::Abort)].contains(&end),
            "{end:?}"
        );
        let (ending, sent) = sender.join().unwrap();
        let _ = server.set.close();
        // A refused command has ended by the refusal, a sent one by its completion or the close.
        ending.succeeded();
        assert!(sent || !ending.succeeded());
    });
}

/// The agent may come when all is over, or while another thread closes the set. A set that is not
/// aborted has lost no completion. [AMB-08]
pub fn an_agent_that_comes_late_misses_nothing() {
    explore(2, || {
        let (server, client, theirs, device, ending) = opened();
        send(&device, &ending).unwrap();
        let worker = thread::spawn(move || work_once(&theirs));
        let agent = agent(&server);
        device.close().unwrap();
        assert_eq!(worker.join().unwrap(), None);
        let closed = server.set.close();
        let left = agent.join().unwrap();
        let left = left.map_err(|error| error.kind());
        assert!(
            [Ok(()), Err(ErrorKind::Protocol)].contains(&left),
            "{left:?}"
        );
        closed.unwrap();
        let aborted = client.participant().abort_reason().is_some();
        assert!(ending.succeeded() || aborted);
    });
}

/// A set whose normal end somebody has seen is not aborted by the close that follows. [NT-03, AMB-40]
pub fn a_close_does_not_abort_what_has_ended() {
    explore(3, || {
        let (server, client, theirs, device, ending) = opened();
        send(&device, &ending).unwrap();
        device.close().unwrap();
        assert_eq!(work_once(&theirs), None);
        let agent = agent(&server);
        let observer = thread::spawn({
            let client = Arc::clone(&client);
            move || client.participant().phase() == Phase::Terminated
        });
        server.set.close().unwrap();
        let left = agent.join().unwrap();
        let ended = observer.join().unwrap();
        let aborted = client.participant().abort_reason().is_some();
        assert!(!(ended && aborted));
        assert!(left.is_ok() || left.unwrap_err().kind() == ErrorKind::Protocol);
        assert!(ending.succeeded() || aborted);
    });
}

/// A server that leaves too early has aborted before: that is what its client is told, and not that
/// nothing can come any more. [AMB-40, SEC-07]
pub fn a_client_that_is_left_alone_is_told_of_the_abort() {
    explore(3, || {
        // The second device has no name yet.
        let (control, server, client) = configured(2);
        drop(server.device(&control));
        let theirs = client.take_device(0).unwrap();
        let link = server_leaves(server, &client);
        let unknown = client.set.open_device(&name("other"));
        let kind = unknown.err().map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::Abort));
        assert_eq!(work_once(&theirs), Some(ErrorKind::Abort));
        link.join().unwrap();
    });
}

/// As above, for a thread in GetCommand. [AMB-40, SEC-07]
pub fn a_wait_for_a_command_that_is_left_alone_ends_as_aborted() {
    explore(3, || {
        let (control, server, client) = configured(1);
        drop(server.device(&control));
        let theirs = client.take_device(0).unwrap();
        let link = server_leaves(server, &client);
        assert_eq!(work_once(&theirs), Some(ErrorKind::Abort));
        link.join().unwrap();
    });
}

/// A server that dies when it has ended the set has ended it, for whoever looks then or has looked
/// before: a look at its sign of life and one at the phase are two. [NT-03, CRASH-01]
pub fn a_death_after_the_end_aborts_nothing() {
    explore(3, || {
        let (control, server, client) = configured(1);
        let theirs = client.take_device(0).unwrap();
        let device = server.device(&control);
        let dying = thread::spawn(move || {
            device.close().unwrap();
            server.set.execute_completion_agent().unwrap();
            robust::end(&control.header().server_life.0);
            // A process that has died closes nothing.
            server
        });
        assert_eq!(work_once(&theirs), Some(ErrorKind::Close));
        let _dead = dying.join().unwrap();
        client.server_left();
        assert_eq!(client.participant().phase(), Phase::Terminated);
        client.set.close().unwrap();
    });
}
