//! Tests of the abort, of Close and of the waits that they end.

use super::*;
use crate::link::support::Watchdog;
use crate::protocol::codes::{VDI_ABORT_CLIENT, VDI_ABORT_SERVER, VDI_ABORT_SERVER_DIED};
use std::sync::Arc;

fn pair() -> (Participant, Participant) {
    let control = Control::create(2, 64, 0).unwrap();
    let fd = control.fd().try_clone_to_owned().unwrap();
    let other = Control::open(fd, control.size()).unwrap();
    let one = Participant::new(control, Part::Primary);
    one.begin();
    (one, Participant::new(other, Part::Server))
}

/// An abort is for everyone, its first reason stays, nothing undoes it. [ST-02, ST-41]
#[test]
fn an_abort_is_a_latch_with_the_first_reason() {
    let (one, two) = pair();
    assert_eq!(one.abort_reason(), None);
    one.abort(VDI_ABORT_CLIENT, "disk full");
    two.abort(VDI_ABORT_SERVER, "later");
    for participant in [&one, &two] {
        let reason = participant.abort_reason().unwrap();
        assert_eq!(
            (reason.code, reason.text.as_str()),
            (VDI_ABORT_CLIENT, "disk full")
        );
    }
    assert!(!one.advance(Phase::Created, Phase::Connected));
    let word = &one.control().header().phase.0;
    word.store(Phase::Configured as u32, Ordering::Relaxed);
    assert_eq!(one.phase(), Phase::Aborted, "a peer cannot take it back");
}

/// A process that dies while it aborts the set leaves its reason, if not its text.
#[test]
fn a_reason_is_there_from_the_first_step_of_an_abort() {
    let (one, two) = pair();
    let header = two.control().header();
    header
        .abort_claim
        .0
        .store(VDI_ABORT_SERVER, Ordering::Relaxed);
    one.abort(VDI_ABORT_SERVER_DIED, "server process 7 has ended");
    for participant in [&one, &two] {
        assert_eq!(participant.abort_reason().unwrap().code, VDI_ABORT_SERVER);
    }
}

/// [SEC-07]
#[test]
fn an_impossible_phase_aborts() {
    let (one, two) = pair();
    two.control().header().phase.0.store(99, Ordering::Relaxed);
    assert_eq!(one.phase(), Phase::Aborted);
    assert_eq!(two.abort_reason().unwrap().code, VDI_ABORT_CORRUPTION);
}

/// An abort in one process ends a wait in another. [ABT-03]
#[test]
fn an_abort_and_a_close_end_waits() {
    let (one, two) = pair();
    let (one, two) = (Arc::new(one), Arc::new(two));
    let waiter = |participant: &Arc<Participant>| {
        let participant = Arc::clone(participant);
        std::thread::spawn(move || {
            let bell = participant.device_bell(1);
            let never = || None::<Result<()>>;
            participant.wait(bell, &Patience::default(), None, never)
        })
    };
    let closed = waiter(&two);
    assert!(two.close());
    assert!(!two.close());
    let error = closed.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);

    let aborted = waiter(&one);
    two.abort(VDI_ABORT_SERVER, "");
    let error = aborted.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Abort);
}

/// A thread of this process closes the set, and so aborts it, after the wait has looked whether it is
/// open. [CSET-CLOSE-04]
#[test]
fn a_close_and_its_abort_during_a_look_are_a_close() {
    let (one, _two) = pair();
    let closed_meanwhile = || {
        one.close();
        one.abort(VDI_ABORT_CLIENT, "closed");
        Some(Err::<(), _>(state::aborted()))
    };
    let ended = one.wait(one.set_bell(), &Patience::default(), None, closed_meanwhile);
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Protocol);
}

/// A process may die after it has aborted the set and before it has woken anybody: whoever sees the
/// abort first wakes the others. [ABT-03]
#[test]
fn an_abort_is_told_by_whoever_sees_it_first() {
    let _watchdog = Watchdog::start();
    let (one, two) = &pair();
    let header = two.control().header();
    let block = two.control().device(1);
    let word = &block.header().bell.0;
    let (never, patience) = (|| None::<Result<()>>, Patience::default());
    std::thread::scope(|scope| {
        let bell = one.device_bell(1);
        let waiter = scope.spawn(move || one.wait(bell, &patience, None, never));
        while word.load(Ordering::Acquire) == 0 {
            std::thread::yield_now();
        }
        // It is mostly asleep by now; if not, the test shows nothing this time.
        std::thread::sleep(Duration::from_millis(20));
        header
            .phase
            .0
            .store(Phase::Aborted as u32, Ordering::Release);
        assert!(two.is_aborted());
        let error = waiter.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Abort);
    });
}

/// What is on its way still arrives after an abort; a close ends that wait, too. [AMB-06]
#[test]
fn an_abort_does_not_end_every_wait() {
    let (one, two) = pair();
    two.abort(VDI_ABORT_SERVER, "");
    let mut looks = 0..3;
    let arrives = || looks.next().is_none().then_some(Ok(()));
    let patience = Patience::default();
    let deadline = deadline(Some(Duration::from_secs(60)));
    let arrived = one.wait_through_abort(one.set_bell(), &patience, deadline, arrives);
    assert!(arrived.is_ok());
    assert!(one.close());
    let never = || None::<Result<()>>;
    let error = one.wait_through_abort(one.set_bell(), &patience, deadline, never);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn long_reasons_are_cut_between_characters() {
    let (one, two) = pair();
    one.abort(VDI_ABORT_CLIENT, &"ä".repeat(300));
    assert_eq!(two.abort_reason().unwrap().text, "ä".repeat(127));
}
