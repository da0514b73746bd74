//! A set of a server without a client: only this process looks at the control segment.

use super::*;
use crate::participant::{Part, Participant};
use crate::protocol::codes::{
    ERROR_SUCCESS, VDC_Flush, VDF_WriteMedia, VDI_ABORT_INTERNAL, VDI_ABORT_SERVER_CLOSED,
    VDI_ABORT_TIMEOUT,
};
use crate::protocol::command::{Completion, CompletionMessage};
use crate::server::device::{Callback, DeviceState, Request};
use crate::shm::area::Area;
use crate::shm::control::Control;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

fn set() -> Set {
    set_with_limit(0)
}

/// A set whose client wants to be aborted after two intervals of so many milliseconds.
fn set_with_limit(server_timeout_ms: u32) -> Set {
    let control = Control::create(1, 64, 0).unwrap();
    let participant = Arc::new(Participant::new(control, Part::Server));
    participant.begin();
    assert!(participant.advance(Phase::Created, Phase::Connected));
    let requested = Configuration::from_words([1, 0, 0, 0, 0, 0, server_timeout_ms, 0, 0, 0, 0]);
    Set::new(Arc::new(Inner::new(participant, requested)), None)
}

fn begin_configuration(set: &Set) {
    set.begin_configuration(&ServerParameters {
        features: VDF_WriteMedia,
        block_size: 512,
        max_transfer_size: 65536,
        ..ServerParameters::default()
    })
    .unwrap();
}

fn reason(inner: &Inner) -> Option<u32> {
    inner.participant.abort_reason().map(|reason| reason.code)
}

#[test]
fn a_panic_in_a_call_aborts_the_set() {
    let poison_device = |set: &Set| {
        let device = DeviceState::new(Arc::clone(&set.inner), 0).unwrap();
        Device::new(Arc::new(device)).poison();
    };
    for poison in [Set::poison, poison_device] {
        let set = set();
        assert_eq!(reason(&set.inner), None);
        poison(&set);
        assert_eq!(reason(&set.inner), Some(VDI_ABORT_INTERNAL));
    }
}

/// The client has no other ending. [AMB-40]
#[test]
fn a_dropped_set_is_closed() {
    let set = set();
    let inner = Arc::clone(&set.inner);
    drop(set);
    assert!(inner.participant.check_open().is_err());
    assert_eq!(reason(&inner), Some(VDI_ABORT_SERVER_CLOSED));
}

/// A request that the machine cannot fulfil leaves no account of its buffers, which may be as much as
/// the process has.
#[test]
fn buffers_that_cannot_be_had_are_not_counted() {
    let set = set();
    begin_configuration(&set);
    set.request_buffers(0x7fff_ffff, 0, 1 << 20).unwrap();
    let error = set.end_configuration().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Memory);
    assert_eq!(lock(&set.inner.pool).room(), 0);
}

/// A call that makes one may be under way when the set is closed. [SSET-CLOSE-02]
#[test]
fn a_closed_set_takes_no_area() {
    let set = set();
    let request = BufferRequest {
        size: 4096,
        alignment: 512,
        count: 1,
    };
    let layout = Layout::new(&[request], 0).unwrap();
    let (area, _) = Area::create(0, layout.size).unwrap();
    set.close().unwrap();
    let error = set.inner.add_area(area, &layout).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert_eq!(lock(&set.inner.pool).next_area(), 0);
}

/// A client that has completed something while the agent was busy is not silent. [TMO-10]
#[test]
fn a_completion_is_an_answer() {
    let set = set_with_limit(1);
    let inner = &set.inner;
    inner.command_sent();
    thread::sleep(Duration::from_millis(10));
    let silent = inner.silent_for_too_long();
    assert!(silent.is_some());
    inner.command_sent();
    inner.command_ended(0);
    inner.abort_if_still_silent(silent);
    assert_eq!(reason(inner), None, "a completion has come");
    thread::sleep(Duration::from_millis(10));
    inner.abort_if_still_silent(inner.silent_for_too_long());
    assert_eq!(reason(inner), Some(VDI_ABORT_TIMEOUT));
}

/// What a client has completed counts, also if it dies before it can ring.
/// [CRASH-02, NT-03]
#[test]
fn a_completion_without_a_ring_counts() {
    let set = set();
    begin_configuration(&set);
    set.end_configuration().unwrap();
    let header = set.inner.participant.control().device(0).header();
    control::write_text(&header.name, b"device");
    let device = set.open_device(&Name::new("device").unwrap()).unwrap();
    let (ended, codes) = mpsc::channel();
    let callback = Callback::new(move |completion| ended.send(completion.code).unwrap());
    device.send(Request::new(VDC_Flush), callback).unwrap();
    device.close().unwrap();
    let ring = set.inner.participant.completion_ring(0);
    let message = CompletionMessage {
        ticket: 0,
        completion: Completion::automatic(ERROR_SUCCESS),
    };
    ring.write(0, message.encode());
    ring.publish(1);
    set.inner.primary_gone();
    set.execute_completion_agent().unwrap();
    assert_eq!(codes.try_iter().collect::<Vec<_>>(), [ERROR_SUCCESS]);
    assert_eq!(reason(&set.inner), None);
}
