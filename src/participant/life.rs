//! The signs of life of primary and server: how their death is noticed. [CRASH-01, CRASH-02]
//!
//! There are two witnesses. The word in the control segment is marked by the kernel at once, whatever
//! the size of the dead process. The hang-up of its socket, or the end of its process descriptor,
//! comes when its memory is gone; see `link`. Either aborts the set.

use super::join::Host;
use super::{Part, Participant, lock};
use crate::link::watcher;
use crate::link::witness::Survivor;
use crate::protocol::codes::{
    VDI_ABORT_CLIENT_CLOSED, VDI_ABORT_PRIMARY_DIED, VDI_ABORT_RESOURCES, VDI_ABORT_SERVER_DIED,
};
use crate::shm::layout::{Life, PRIMARY_LIFE, SERVER_LIFE};
use crate::sync::{AtomicU32, Ordering};
use crate::sys::heap;
use crate::sys::robust::OWNER_DIED;
use std::process;

fn is_marked(life: &Life) -> bool {
    life.word.load(Ordering::Acquire) & OWNER_DIED != 0
}

/// The end of a process in words. It may have ended before it showed its number, or after.
fn ended(who: &str, life: &Life) -> String {
    // A thread of the library cannot say that there is no memory, and a wait has looked for none.
    heap::make_room();
    match life.pid.load(Ordering::Relaxed) {
        0 => format!("the {who} process has ended"),
        pid => format!("{who} process {pid} has ended"),
    }
}

impl Survivor for Participant {
    /// Primary and server tell each other's death to everybody. The kernel wakes one sleeper of a
    /// word only, so a secondary, on which nobody relies, must not be another one.
    fn word(&self) -> Option<&AtomicU32> {
        let header = self.control().header();
        match self.part {
            Part::Primary => Some(&header.server_life.0.word),
            Part::Server => Some(&header.primary_life.0.word),
            Part::Secondary => None,
        }
    }

    fn look(&self) {
        self.phase();
    }
}

impl Participant {
    /// Shows that this process is alive, once it has its part in the set. Without it (the kernel
    /// may refuse) only the second witness is left.
    pub(crate) fn show_life(&self) {
        let header = self.control().header();
        let (life, offset) = match self.part {
            Part::Primary => (&header.primary_life.0, PRIMARY_LIFE),
            Part::Server => (&header.server_life.0, SERVER_LIFE),
            Part::Secondary => return,
        };
        life.pid.store(process::id(), Ordering::Relaxed);
        *lock(&self.life) = watcher::hold_word(self.control().fd(), offset).ok();
    }

    /// Whether the kernel has told that the server, another process, has died.
    pub(super) fn server_is_dead(&self) -> bool {
        self.part != Part::Server && is_marked(&self.control().header().server_life.0)
    }

    /// Aborts the set if the primary or the server has died; whether one has.
    pub(super) fn abort_if_somebody_died(&self, server: bool) -> bool {
        if server {
            self.server_died();
            return true;
        }
        // When all devices are closed the primary may leave; what it completed still counts.
        let primary = self.part != Part::Primary && self.primary_is_dying();
        if primary && !self.all_devices_closed() {
            self.primary_died();
            return true;
        }
        false
    }

    /// Whether the kernel has told that the primary has died.
    fn primary_is_dying(&self) -> bool {
        is_marked(&self.control().header().primary_life.0)
    }

    /// Whether the primary has closed the set.
    fn primary_left_in_order(&self) -> bool {
        self.control()
            .header()
            .primary_life
            .0
            .pid
            .load(Ordering::Relaxed)
            == 0
    }

    /// Whether no server has the set open: none has come yet, or it has left in order.
    pub(crate) fn has_no_server(&self) -> bool {
        self.control()
            .header()
            .server_life
            .0
            .pid
            .load(Ordering::Relaxed)
            == 0
    }

    /// Removes what the primary left in the runtime directory, if it has died.
    pub(crate) fn bury(&self, primary: &Host) {
        if self.primary_left_in_order() {
            primary.bury_if_ended();
        } else {
            primary.bury(self.primary_is_dying());
        }
    }

    /// Takes the sign of life back: this process leaves in order.
    pub(super) fn hide_life(&self) {
        let header = self.control().header();
        let life = match self.part {
            Part::Primary => &header.primary_life.0,
            Part::Server => &header.server_life.0,
            Part::Secondary => return,
        };
        life.pid.store(0, Ordering::Relaxed);
        lock(&self.life).take();
    }

    /// Aborts the set because the primary has died.
    pub(crate) fn primary_died(&self) {
        let life = &self.control().header().primary_life.0;
        self.abort(VDI_ABORT_PRIMARY_DIED, &ended("primary client", life));
    }

    /// Aborts the set because the primary is gone: dead, or in order and too early.
    pub(crate) fn primary_left(&self) {
        if self
            .control()
            .header()
            .primary_life
            .0
            .pid
            .load(Ordering::Relaxed)
            == 0
        {
            let text = "the primary client process closed the set before its commands ended";
            self.abort(VDI_ABORT_CLIENT_CLOSED, text);
        } else if self.primary_is_alive() {
            let text = "the primary client process has ended its connection to this process";
            self.abort(VDI_ABORT_RESOURCES, text);
        } else {
            self.primary_died();
        }
    }

    /// Whether the primary's sign of life is there and unmarked. A death marks it before the
    /// connections end.
    fn primary_is_alive(&self) -> bool {
        let word = &self.control().header().primary_life.0.word;
        let word = word.load(Ordering::Acquire);
        word != 0 && word & OWNER_DIED == 0
    }

    /// Aborts the set because the server is gone.
    pub(crate) fn server_died(&self) {
        let life = &self.control().header().server_life.0;
        self.abort(VDI_ABORT_SERVER_DIED, &ended("server", life));
    }
}
