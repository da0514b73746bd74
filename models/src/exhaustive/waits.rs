//! Waiting for the set: closes, aborts, phases.

use super::support::{configured, control, explore, participants, requested, waiter};
use crate::client::scene::Client;
use crate::error::ErrorKind;
use crate::participant::{Part, Participant};
use crate::protocol::codes::{VDI_ABORT_CLIENT, VDI_ABORT_SERVER};
use crate::protocol::name::Name;
use crate::protocol::state::Phase;
use crate::server::scene::{self, Server};
use crate::shm::control;
use crate::sync::thread;
use std::sync::Arc;

/// [CDEV-GETCMD-11]
pub fn a_close_ends_the_waits_of_its_process() {
    explore(3, || {
        let [server] = participants([Part::Server]);
        let waiter = waiter(&server);
        assert!(server.close());
        assert_eq!(waiter.join().unwrap(), ErrorKind::Protocol);
    });
}

/// The reason is there when the waiter looks. [ABT-03]
pub fn an_abort_ends_the_waits_of_every_process() {
    explore(2, || {
        let [primary, server] = participants([Part::Primary, Part::Server]);
        let waiters = [&primary, &server].map(waiter);
        server.abort(VDI_ABORT_SERVER, "stop");
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), ErrorKind::Abort);
        }
        let reason = primary.abort_reason().unwrap();
        assert_eq!((reason.code, &*reason.text), (VDI_ABORT_SERVER, "stop"));
    });
}

/// Whether the set is aborted; then with the code and the text of the server.
fn sees_the_stop(participant: &Participant) -> bool {
    let reason = participant.abort_reason();
    if let Some(reason) = &reason {
        assert_eq!((reason.code, &*reason.text), (VDI_ABORT_SERVER, "stop"));
    }
    reason.is_some()
}

/// Whoever sees the abort first finds the reason, unless two abort at once. [ST-02]
pub fn the_reason_of_an_abort_comes_with_it() {
    explore(3, || {
        let [primary, server] = participants([Part::Primary, Part::Server]);
        let other = thread::spawn({
            let server = Arc::clone(&server);
            move || server.abort(VDI_ABORT_SERVER, "stop")
        });
        sees_the_stop(&primary);
        other.join().unwrap();
        assert!(sees_the_stop(&primary));
    });
}

/// Also if two threads of a process abort at once, for example because both have seen a death. [ST-02]
pub fn two_threads_abort_with_one_reason() {
    explore(3, || {
        let [primary, server] = participants([Part::Primary, Part::Server]);
        let others = [(); 2].map(|()| {
            let server = Arc::clone(&server);
            thread::spawn(move || server.abort(VDI_ABORT_SERVER, "stop"))
        });
        sees_the_stop(&primary);
        for other in others {
            other.join().unwrap();
        }
        assert!(sees_the_stop(&primary));
    });
}

/// One reason wins, and its code and its text belong together. [ST-02]
pub fn of_two_aborts_one_has_the_reason() {
    explore(2, || {
        let [primary, server, secondary] =
            participants([Part::Primary, Part::Server, Part::Secondary]);
        let abort = |participant: &Arc<Participant>, code, text| {
            let participant = Arc::clone(participant);
            thread::spawn(move || participant.abort(code, text))
        };
        let aborts = [
            abort(&primary, VDI_ABORT_CLIENT, "client"),
            abort(&server, VDI_ABORT_SERVER, "server"),
        ];
        let known = [(VDI_ABORT_CLIENT, "client"), (VDI_ABORT_SERVER, "server")];
        if let Some(reason) = secondary.abort_reason() {
            // The winner may not have written its text yet.
            let early = known.map(|(code, _)| (code, ""));
            let reason = (reason.code, &*reason.text);
            assert!(known.iter().chain(&early).any(|one| *one == reason));
        }
        for abort in aborts {
            abort.join().unwrap();
        }
        let reasons = [&primary, &server, &secondary].map(|one| one.abort_reason().unwrap());
        let first = (reasons[0].code, &*reasons[0].text);
        assert!(known.contains(&first));
        assert!(reasons.iter().all(|reason| *reason == reasons[0]));
    });
}

/// [ST-41]
pub fn a_step_of_the_server_undoes_no_abort() {
    explore(4, || {
        let [primary, server] = participants([Part::Primary, Part::Server]);
        let other = thread::spawn({
            let primary = Arc::clone(&primary);
            move || primary.abort(VDI_ABORT_CLIENT, "")
        });
        let _ = server.advance(Phase::Created, Phase::Connected)
            && server.advance(Phase::Connected, Phase::Configurable);
        other.join().unwrap();
        assert_eq!(server.phase(), Phase::Aborted);
        assert_eq!(primary.abort_reason().unwrap().code, VDI_ABORT_CLIENT);
    });
}

/// [AMB-27]
pub fn of_two_servers_one_attaches() {
    explore(3, || {
        let [one, two] = participants([Part::Server, Part::Server]);
        let other = thread::spawn({
            let two = Arc::clone(&two);
            move || two.advance(Phase::Created, Phase::Connected)
        });
        let first = one.advance(Phase::Created, Phase::Connected);
        assert!(first != other.join().unwrap());
    });
}

/// GetConfiguration waits until the server has decided, and sees all of the decision.
/// [CSET-GETCFG-01]
pub fn a_client_waits_for_the_whole_configuration() {
    explore(2, || {
        let control = control(1);
        let client = Client::new(&control, requested(1), 1);
        client.participant().begin();
        let server = thread::spawn(move || {
            let server = Server::new(&control, requested(1));
            let participant = server.participant();
            assert!(participant.advance(Phase::Created, Phase::Connected));
            server
                .set
                .begin_configuration(&scene::parameters())
                .unwrap();
            server.set.end_configuration().unwrap();
            server
        });
        let config = client.set.configuration(None).unwrap();
        assert_eq!(config.block_size, 512);
        let server = server.join().unwrap();
        assert_eq!(server.set.configuration().unwrap(), config);
    });
}

/// OpenDevice waits for the name of the device, and takes the right one. [CSET-OPENDEV-01]
pub fn a_client_waits_for_the_name_of_a_device() {
    explore(2, || {
        let (control, server, client) = configured(2);
        let name = |name| Name::new(name).unwrap();
        control::write_text(&control.device(0).header().name, b"one");
        drop(server.set.open_device(&name("one")).unwrap());
        let other = thread::spawn({
            let server = Arc::clone(&server);
            move || server.set.open_device(&name("two")).map(drop)
        });
        client.set.open_device(&name("two")).unwrap();
        other.join().unwrap().unwrap();
    });
}

/// A text is seen whole.
pub fn a_text_is_published_with_its_length() {
    explore(3, || {
        let control = control(1);
        let other = thread::spawn({
            let control = control.again();
            move || control::write_text(&control.device(0).header().name, b"set")
        });
        let text = control::read_text(&control.device(0).header().name);
        assert!(text.is_empty() || text == b"set");
        other.join().unwrap();
    });
}
