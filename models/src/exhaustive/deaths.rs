//! Deaths, as the witness sees them: the kernel marks a word and wakes one sleeper of it.

use super::support::{explore, participants, waiter};
use crate::error::ErrorKind;
use crate::link::witness::{self, Survivor, Vigil};
use crate::participant::Part;
use crate::protocol::codes::{VDI_ABORT_PRIMARY_DIED, VDI_ABORT_SERVER_DIED};
use crate::sync::{AtomicU32, Ordering, futex_wait, futex_wake, futex_wake_one, thread};
use crate::sys::robust;
use std::sync::Arc;

/// The witness of one process tells those who sleep there and elsewhere. [CRASH-01]
pub fn the_death_of_the_server_ends_all_waits() {
    explore(1, || {
        let [primary, secondary] = participants([Part::Primary, Part::Secondary]);
        let vigil = witness::attend(Arc::clone(&primary) as _).unwrap();
        let waiters = [waiter(&primary), waiter(&secondary)];
        robust::end(&primary.control().header().server_life.0);
        let ends = waiters.map(|waiter| waiter.join().unwrap());
        assert_eq!(ends, [ErrorKind::Abort; 2]);
        let reason = secondary.abort_reason().unwrap();
        assert_eq!(reason.code, VDI_ABORT_SERVER_DIED);
        drop(vigil);
    });
}

/// As above; the server is the one who hears of it. [CRASH-02]
pub fn the_death_of_the_primary_ends_all_waits() {
    explore(1, || {
        let [server, secondary] = participants([Part::Server, Part::Secondary]);
        let vigil = witness::attend(Arc::clone(&server) as _).unwrap();
        let waiters = [waiter(&server), waiter(&secondary)];
        robust::end(&server.control().header().primary_life.0);
        let ends = waiters.map(|waiter| waiter.join().unwrap());
        assert_eq!(ends, [ErrorKind::Abort; 2]);
        let reason = secondary.abort_reason().unwrap();
        assert_eq!(reason.code, VDI_ABORT_PRIMARY_DIED);
        drop(vigil);
    });
}

/// A survivor without a set: the word of another, and whether it was told.
struct Heir {
    word: AtomicU32,
    told: AtomicU32,
}

impl Heir {
    fn attending() -> (Arc<Self>, Vigil) {
        let heir = Arc::new(Self {
            word: AtomicU32::new(0),
            told: AtomicU32::new(0),
        });
        let vigil = witness::attend(Arc::clone(&heir) as _).unwrap();
        (heir, vigil)
    }

    /// What the kernel does when the other one dies.
    fn bereave(&self) {
        self.word.fetch_or(1, Ordering::AcqRel);
        futex_wake_one(&self.word);
    }

    fn wait_until_told(&self) {
        while self.told.load(Ordering::Acquire) == 0 {
            futex_wait(&self.told, 0, None);
        }
    }
}

impl Survivor for Heir {
    fn word(&self) -> Option<&AtomicU32> {
        Some(&self.word)
    }

    fn look(&self) {
        if self.word.load(Ordering::Acquire) == 1 {
            self.told.swap(1, Ordering::AcqRel);
            futex_wake(&self.told);
        }
    }
}

/// The thread sees a mark whether it is about to sleep on the word or on another list of words.
pub fn a_death_is_seen_while_another_set_comes_and_goes() {
    explore(2, || {
        let (heir, vigil) = Heir::attending();
        let other = thread::spawn(|| drop(Heir::attending()));
        heir.bereave();
        heir.wait_until_told();
        other.join().unwrap();
        drop(vigil);
    });
}

/// Nothing of a set is in use when its vigil has ended, whatever happens meanwhile.
pub fn a_set_that_goes_is_let_go_of() {
    explore(3, || {
        let (heir, vigil) = Heir::attending();
        let other = thread::spawn({
            let heir = Arc::clone(&heir);
            move || heir.bereave()
        });
        drop(vigil);
        other.join().unwrap();
        assert_eq!(Arc::strong_count(&heir), 1);
    });
}

/// The thread that is about to end, or has ended, is there for the next one.
pub fn a_set_comes_when_the_last_one_goes() {
    explore(2, || {
        let (_, first) = Heir::attending();
        let other = thread::spawn(|| {
            let (heir, vigil) = Heir::attending();
            heir.bereave();
            heir.wait_until_told();
            drop(vigil);
            assert_eq!(Arc::strong_count(&heir), 1);
        });
        drop(first);
        other.join().unwrap();
    });
}
