//! What primary, secondary and server have in common: one process's place in a set.
//!
//! The control segment, the abort, and waiting so that an abort or a close always ends it.

pub(crate) mod join;
mod life;
pub(crate) mod table;

use crate::error::{Error, ErrorKind, Result};
use crate::link::watcher::Word;
use crate::protocol::codes::{
    VDI_ABORT_CORRUPTION, VDI_ABORT_INTERNAL, VDI_ABORT_NONE, VDI_ABORT_UNKNOWN,
};
use crate::protocol::state::{self, Phase, ServerDevice};
use crate::queue::doorbell::Doorbell;
use crate::queue::patience::{Patience, SPINNERS};
use crate::queue::ring::Ring;
use crate::shm::control::{self, Control};
use crate::shm::layout::SLOT_WORDS;
use crate::sync::{AtomicBool, AtomicU32, Mutex, MutexGuard, Ordering, PoisonError};
use crate::sys::heap;
use crate::sys::process;
use std::time::{Duration, Instant};

/// What is impossible, for [`Participant::corrupted`].
pub(crate) const PHASE: &str = "the phase of the set";

/// Why a set is aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbortReason {
    /// One of the `VDI_ABORT_` codes.
    pub code: u32,
    /// The same in words; may be empty.
    pub text: String,
}

/// This process's place in a set.
pub(crate) struct Participant {
    control: Control,
    /// Process that made this value; a forked child is not a participant.
    generation: u32,
    closed: AtomicBool,
    /// The abort, once this process has seen it: a peer cannot take it back.
    aborted: AtomicBool,
    /// The reason as this process found it, for the case that the shared one is unreadable.
    own_reason: Mutex<Option<AbortReason>>,
    part: Part,
    /// The sign of life of this process; given back when it closes the set.
    life: Mutex<Option<Word>>,
}

/// What a process is in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Primary,
    Secondary,
    Server,
}

impl Participant {
    pub(crate) fn new(control: Control, part: Part) -> Self {
        SPINNERS.set_processors(process::processors());
        Self {
            life: Mutex::new(None),
            part,
            control,
            generation: process::generation(),
            closed: AtomicBool::new(false),
            aborted: AtomicBool::new(false),
            own_reason: Mutex::new(None),
        }
    }

    /// The control segment.
    pub(crate) fn control(&self) -> &Control {
        &self.control
    }

    /// Whether this process is a forked child of the one that takes part.
    pub(crate) fn is_foreign(&self) -> bool {
        self.generation != process::generation()
    }

    /// Refuses calls after Close and in a forked child.
    pub(crate) fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) || self.is_foreign() {
            return Err(state::not_open());
        }
        Ok(())
    }

    /// Ends this process's part: later calls and waits in progress are refused. `false` if it was
    /// ended before.
    pub(crate) fn close(&self) -> bool {
        if self.is_foreign() || self.closed.swap(true, Ordering::AcqRel) {
            return false;
        }
        self.hide_life();
        self.alarm();
        true
    }

    /// The phase of the set. An impossible word aborts the set.
    pub(crate) fn phase(&self) -> Phase {
        if self.aborted.load(Ordering::Acquire) {
            return Phase::Aborted;
        }
        // Looked at before the phase: a server that has ended the set before it died is no abort.
        let server_died = self.server_is_dead();
        let word = self.control.header().phase.0.load(Ordering::Acquire);
        match Phase::from_word(word) {
            Some(Phase::Aborted) => {
                if !self.aborted.swap(true, Ordering::AcqRel) {
                    // Whoever has aborted the set may have died before it woke everybody.
                    self.alarm();
                }
                Phase::Aborted
            }
            Some(Phase::Terminated) => Phase::Terminated,
            Some(_) if self.abort_if_somebody_died(server_died) => Phase::Aborted,
            Some(phase) => phase,
            None => {
                // For the calls that are allowed or not, an abort like any other.
                let _ = self.corrupted(PHASE);
                Phase::Aborted
            }
        }
    }

    /// Sets the first phase of a new set.
    pub(crate) fn begin(&self) {
        let phase = &self.control.header().phase.0;
        phase.store(Phase::Created as u32, Ordering::Release);
    }

    /// Moves the set from one phase to the next and tells the waiting clients; `false` if it was
    /// not in `from`, which after the checks of the caller means an abort. [ST-41]
    pub(crate) fn advance(&self, from: Phase, to: Phase) -> bool {
        let phase = &self.control.header().phase.0;
        let moved =
            phase.compare_exchange(from as u32, to as u32, Ordering::AcqRel, Ordering::Acquire);
        self.set_bell().ring();
        if moved.is_err() && !self.is_aborted() {
            let _ = self.corrupted(PHASE);
        }
        moved.is_ok()
    }

    /// Whether the set is aborted.
    pub(crate) fn is_aborted(&self) -> bool {
        self.phase() == Phase::Aborted
    }

    /// Why a wait in an aborted set ends. A close of this process comes before the abort that it
    /// causes, and another thread may have done both since the call looked whether the set is open.
    pub(crate) fn refusal(&self) -> Error {
        self.check_open().err().unwrap_or_else(state::aborted)
    }

    /// Aborts the set for every participant. The first reason is kept. [ST-02, ST-41]
    pub(crate) fn abort(&self, code: u32, text: &str) {
        let header = self.control.header();
        let mut own = lock(&self.own_reason);
        own.get_or_insert_with(|| AbortReason {
            code,
            text: text.to_owned(),
        });
        let claim = &header.abort_claim.0;
        let first =
            claim.compare_exchange(VDI_ABORT_NONE, code, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok() {
            control::write_text(&header.abort_text, cut(text).as_bytes());
            header.abort_code.store(code, Ordering::Release);
        }
        // Not before: another thread of this process would show the abort without its reason.
        drop(own);
        self.aborted.store(true, Ordering::Release);
        // Swapped as everywhere: of steps and an abort at once the abort is the last.
        header.phase.0.swap(Phase::Aborted as u32, Ordering::AcqRel);
        self.alarm();
    }

    /// Aborts the set because of something that no correct peer writes; the error for the call that
    /// has found it. [SEC-07, AMB-31]
    pub(crate) fn corrupted(&self, what: &str) -> Error {
        heap::make_room();
        let text = format!("{what} in shared memory is impossible");
        self.abort(VDI_ABORT_CORRUPTION, &text);
        Error::new(ErrorKind::Unexpected, text)
    }

    /// Aborts the set after a panic in this library: shared memory may be half written.
    pub(crate) fn poison(&self) {
        self.abort(VDI_ABORT_INTERNAL, "internal error in the library");
    }

    /// Why the set is aborted; `None` if it is not.
    pub(crate) fn abort_reason(&self) -> Option<AbortReason> {
        if !self.is_aborted() {
            return None;
        }
        let header = self.control.header();
        let code = header.abort_code.load(Ordering::Acquire);
        if code != VDI_ABORT_NONE {
            let text = control::read_text(&header.abort_text);
            let text = String::from_utf8_lossy(&text).into_owned();
            let code = known(code);
            return Some(AbortReason { code, text });
        }
        // The process that aborted the set is about to write its text, or has ended before.
        let claimed = header.abort_claim.0.load(Ordering::Acquire);
        let own = lock(&self.own_reason).clone();
        let fitting = own.filter(|own| claimed == VDI_ABORT_NONE || own.code == claimed);
        Some(fitting.unwrap_or(AbortReason {
            code: known(claimed),
            text: String::new(),
        }))
    }

    /// Waits at `bell` until `ready` answers. A close in this process, an abort and the deadline
    /// end the wait; an abort wins over an answer. [CDEV-GETCMD-11]
    pub(crate) fn wait<T>(
        &self,
        bell: Doorbell<'_>,
        patience: &Patience,
        deadline: Option<Instant>,
        mut ready: impl FnMut() -> Option<Result<T>>,
    ) -> Result<T> {
        self.wait_through_abort(bell, patience, deadline, || {
            if self.is_aborted() {
                return Some(Err(state::aborted()));
            }
            ready()
        })
        .map_err(|error| match error.kind() {
            ErrorKind::Abort => self.refusal(),
            _ => error,
        })
    }

    /// As [`Participant::wait`], for what goes on after an abort. [AMB-06]
    pub(crate) fn wait_through_abort<T>(
        &self,
        bell: Doorbell<'_>,
        patience: &Patience,
        deadline: Option<Instant>,
        mut ready: impl FnMut() -> Option<Result<T>>,
    ) -> Result<T> {
        let ready = || match self.check_open() {
            Err(error) => Some(Err(error)),
            Ok(()) => ready(),
        };
        bell.wait(patience, deadline, ready)
            .unwrap_or_else(|| Err(Error::new(ErrorKind::Timeout, "the time-out has elapsed")))
    }

    /// Bell of clients that wait for the set.
    pub(crate) fn set_bell(&self) -> Doorbell<'_> {
        Doorbell::new(&self.control.header().set_bell.0)
    }

    /// Bell of the completion agent.
    pub(crate) fn agent_bell(&self) -> Doorbell<'_> {
        Doorbell::new(&self.control.header().agent_bell.0)
    }

    /// Bell of the client thread that waits for commands of a device.
    pub(crate) fn device_bell(&self, device: usize) -> Doorbell<'_> {
        Doorbell::new(self.device_bell_word(device))
    }

    fn device_bell_word(&self, device: usize) -> &AtomicU32 {
        &self.control.device(device).header().bell.0
    }

    /// The commands of a device, from the server to the client.
    pub(crate) fn command_ring(&self, device: usize) -> Ring<'_> {
        let block = self.control.device(device);
        let tail = &block.header().command_tail.0;
        Ring::new(tail, block.commands(), SLOT_WORDS)
    }

    /// The completions of a device, from the client to the server.
    pub(crate) fn completion_ring(&self, device: usize) -> Ring<'_> {
        let block = self.control.device(device);
        let tail = &block.header().completion_tail.0;
        Ring::new(tail, block.completions(), SLOT_WORDS)
    }

    /// Wakes everybody who waits for anything in this set.
    pub(crate) fn alarm(&self) {
        self.set_bell().alarm();
        self.agent_bell().alarm();
        for device in 0..self.device_count() {
            self.device_bell(device).alarm();
        }
    }

    /// What the server has done with a device; `None` for an impossible word.
    pub(crate) fn server_device(&self, device: usize) -> Option<ServerDevice> {
        let word = &self.control.device(device).header().server;
        ServerDevice::from_word(word.load(Ordering::Acquire))
    }

    /// Whether the server has closed every device: nothing is wrong when the client then leaves.
    pub(crate) fn all_devices_closed(&self) -> bool {
        (0..self.device_count())
            .all(|device| self.server_device(device) == Some(ServerDevice::Closed))
    }

    /// Whether nothing is left to be done on a device: the server has closed it, and every command
    /// has its completion.
    pub(crate) fn is_done(&self, device: usize) -> bool {
        let block = self.control.device(device);
        // Read after the close, before which the last command was sent.
        let closed = self.server_device(device) == Some(ServerDevice::Closed);
        let sent = block.header().command_tail.0.load(Ordering::Acquire);
        closed && block.header().completion_tail.0.load(Ordering::Acquire) == sent
    }

    /// Number of devices of the set.
    pub(crate) fn device_count(&self) -> usize {
        self.control.geometry().devices as usize
    }
}

/// The moment at which a wait of `timeout` ends; `None` for one that never does.
pub(crate) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// Locks a mutex; one that a panicking thread left is used all the same, because the data behind
/// the library's locks is consistent at every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A reason that another process wrote. One that this library does not know says no more than that
/// there is one.
fn known(reason: u32) -> u32 {
    if (VDI_ABORT_NONE + 1..=VDI_ABORT_INTERNAL).contains(&reason) {
        reason
    } else {
        VDI_ABORT_UNKNOWN
    }
}

/// At most 255 bytes of a text, cut between characters.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(255);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests;
