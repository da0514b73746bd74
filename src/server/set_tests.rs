//! A set of a server without a client: only this process looks at the control segment.

use super::*;
use crate::participant::{Part, Participant};
use crate::protocol::codes::{VDI_ABORT_INTERNAL, VDI_ABORT_SERVER_CLOSED};
use crate::server::device::DeviceState;
use crate::shm::control::Control;

fn set() -> Set {
    let control = Control::create(1, 64, 0).unwrap();
    let participant = Participant::new(control, Part::Server);
    participant.begin();
    assert!(participant.advance(Phase::Created, Phase::Connected));
    let requested = Configuration::from_words([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    Set {
        inner: Arc::new(Inner::new(participant, requested)),
        link: Mutex::default(),
        memory: Mutex::default(),
    }
}

fn reason(inner: &Inner) -> Option<u32> {
    inner.participant.abort_reason().map(|reason| reason.code)
}

#[test]
fn a_panic_in_a_call_aborts_the_set() {
    let poison_device = |set: &Set| {
        let device = DeviceState::new(Arc::clone(&set.inner), 0);
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
