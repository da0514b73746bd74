//! All sockets of a run: who is connected to whom, and what is on its way.

use crate::sync::{Condvar, Mutex, PoisonError, lazy_static};
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{OwnedFd, RawFd};

/// A packet and the descriptors with it.
pub(super) type Packet = (Vec<u8>, Vec<OwnedFd>);

#[derive(Default)]
pub(crate) struct Wire {
    ends: BTreeMap<RawFd, End>,
    /// Listening ends by their place.
    pub(super) places: BTreeMap<Vec<u8>, RawFd>,
}

/// One end of a connection, or a listener.
#[derive(Default)]
pub(super) struct End {
    pub(super) peer: Option<RawFd>,
    pub(super) packets: VecDeque<Packet>,
    /// The ends that a listener will accept.
    pub(super) arrivals: VecDeque<OwnedFd>,
    pub(super) hung_up: bool,
}

impl Wire {
    pub(crate) fn is_readable(&self, fd: RawFd) -> bool {
        self.ends
            .get(&fd)
            .is_some_and(|end| end.hung_up || !end.packets.is_empty() || !end.arrivals.is_empty())
    }

    pub(super) fn open(&mut self, fd: RawFd, peer: Option<RawFd>) {
        let end = End {
            peer,
            ..End::default()
        };
        self.ends.insert(fd, end);
    }

    pub(super) fn end(&mut self, fd: RawFd) -> Option<&mut End> {
        self.ends.get_mut(&fd)
    }

    /// Both ends see it when they have received what is on its way.
    pub(super) fn hang_up(&mut self, fd: RawFd) {
        let Some(end) = self.ends.get_mut(&fd) else {
            return;
        };
        end.hung_up = true;
        if let Some(peer) = end.peer.and_then(|peer| self.ends.get_mut(&peer)) {
            peer.hung_up = true;
        }
    }

    /// The other end sees it when it has received what is on its way.
    pub(super) fn close(&mut self, fd: RawFd) {
        let Some(end) = self.ends.remove(&fd) else {
            return;
        };
        if let Some(peer) = end.peer.and_then(|peer| self.ends.get_mut(&peer)) {
            peer.hung_up = true;
            // Its number will be that of another.
            peer.peer = None;
        }
    }
}

struct Hub {
    wire: Mutex<Wire>,
    changed: Condvar,
}

lazy_static! {
    static ref HUB: Hub = Hub {
        wire: Mutex::new(Wire::default()),
        changed: Condvar::new(),
    };
}

/// Changes something, and lets those who wait look again.
pub(super) fn with<T>(change: impl FnOnce(&mut Wire) -> T) -> T {
    let mut wire = HUB.wire.lock().unwrap_or_else(PoisonError::into_inner);
    let result = change(&mut wire);
    drop(wire);
    HUB.changed.notify_all();
    result
}

/// Lets those who wait look again.
pub(crate) fn nudge() {
    with(|_| ());
}

/// Waits until `look` finds something.
pub(crate) fn until<T>(mut look: impl FnMut(&mut Wire) -> Option<T>) -> T {
    let mut wire = HUB.wire.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if let Some(found) = look(&mut wire) {
            return found;
        }
        wire = HUB
            .changed
            .wait(wire)
            .unwrap_or_else(PoisonError::into_inner);
    }
}
