//! The completion agent: the thread that the server lends to a set. [14.7]

use super::device::DeviceState;
use super::inner::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::participant::lock;
use crate::protocol::codes::{VDI_ABORT_SERVER_CLOSED, VDI_ABORT_TIMEOUT};
use crate::protocol::state::{self, ServerCall, ServerState};
use crate::queue::patience::Patience;
use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering, PoisonError, thread_local};
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A thread that calls callbacks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    /// The application lent it.
    Agent(usize),
    /// It closes the set, and nobody was the agent.
    Closer(usize),
}

impl Runner {
    fn is_here(self) -> bool {
        let (Self::Agent(thread) | Self::Closer(thread)) = self;
        thread == this_thread()
    }
}

/// Whether a thread is the agent, and what it must look at beside completions.
#[derive(Default)]
pub(super) struct Agent {
    running: Mutex<Option<Runner>>,
    gone: Condvar,
    /// The server is closing the set.
    pub(super) closing: AtomicBool,
    /// Something other than a completion has happened.
    nudged: AtomicBool,
    patience: Patience,
}

impl Agent {
    /// Waits until no thread is the agent; `false` if the calling thread is.
    pub(super) fn wait_until_gone(&self) -> bool {
        let mut running = lock(&self.running);
        while let Some(runner) = *running {
            if runner.is_here() {
                return false;
            }
            running = self.wait(running);
        }
        true
    }

    fn wait<'a>(&self, running: MutexGuard<'a, Option<Runner>>) -> MutexGuard<'a, Option<Runner>> {
        let running = self.gone.wait(running);
        running.unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the calling thread the agent.
    fn enter(&self) -> Result<()> {
        let mut running = lock(&self.running);
        // One that closes is no agent to the caller, who comes before or after it.
        while matches!(*running, Some(closer @ Runner::Closer(_)) if !closer.is_here()) {
            running = self.wait(running);
        }
        self.admit(running, Runner::Agent)
    }

    /// Makes the calling thread, which closes the set, call callbacks if there is no agent.
    fn stand_in(&self) -> Result<()> {
        self.admit(lock(&self.running), Runner::Closer)
    }

    fn admit(
        &self,
        mut running: MutexGuard<'_, Option<Runner>>,
        role: fn(usize) -> Runner,
    ) -> Result<()> {
        if self.closing.load(Ordering::Acquire) {
            return Err(state::not_open());
        }
        if running.is_some() {
            let text = "another thread is the completion agent of this set";
            return Err(Error::new(ErrorKind::Busy, text));
        }
        *running = Some(role(this_thread()));
        Ok(())
    }

    fn leave(&self) {
        *lock(&self.running) = None;
        self.gone.notify_all();
    }
}

/// A number that no other thread has at the same time. Unlike that of the standard library it can be
/// had until the very end of a thread, where the program may close a set.
fn this_thread() -> usize {
    thread_local! {
        static PLACE: u8 = const { 0 };
    }
    PLACE.with(|place| ptr::from_ref(place).addr())
}

/// The calling thread calls callbacks as long as this lives.
struct Presence<'a>(&'a Inner);

impl<'a> Presence<'a> {
    fn new(set: &'a Inner, come: fn(&Agent) -> Result<()>) -> Result<Self> {
        come(&set.agent).map(|()| Self(set))
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        // A child that a callback has forked may find the lock held by a thread that it has not.
        if !self.0.participant.is_foreign() {
            self.0.agent.leave();
        }
    }
}

impl Inner {
    /// Wakes the agent for something other than a completion. Also if the bell says that nobody
    /// sleeps: the client may have died after it had taken the sign away, and before it rang.
    pub(super) fn nudge(&self) {
        self.agent.nudged.swap(true, Ordering::AcqRel);
        self.participant.agent_bell().alarm();
    }

    /// The main loop. [SSET-AGENT-01, AMB-08]
    pub(super) fn run_agent(&self) -> Result<()> {
        self.participant.check_open()?;
        let state = self.state();
        let allowed = state::server(ServerCall::ExecuteCompletionAgent, state);
        if state == ServerState::Terminated && self.agent_runs() {
            // The operation was over before its agent came: the caller could not know. [AMB-08]
            return Ok(());
        }
        if allowed.is_err() && !self.participant.is_aborted() {
            return allowed;
        }
        let _presence = Presence::new(self, Agent::enter)?;
        self.agent_runs();
        let result = self.serve_completions();
        if self.participant.is_foreign() {
            // A callback has forked, and this is the child.
            return Err(state::not_open());
        }
        if self.agent.closing.load(Ordering::Acquire) {
            // The close may have come from a callback, and could not do this itself.
            self.end_all();
        }
        result
    }

    fn serve_completions(&self) -> Result<()> {
        // The most there can be: no memory is asked for later, when nobody looks whether there is any.
        let mut devices = Vec::with_capacity(self.participant.device_count());
        loop {
            if let Some(result) = self.ending() {
                self.end_all();
                return result;
            }
            // Asked before the completions are taken: what it completed before it left counts.
            let left = self.primary_left();
            let silent = self.silent_for_too_long();
            let taken = self.take_completions(&mut devices);
            if self.participant.is_foreign() {
                // Told by the caller; nothing may be touched here.
                return Ok(());
            }
            if let Err(what) = taken {
                let error = self.participant.corrupted(what);
                self.end_all();
                return Err(error);
            }
            if self.try_terminate() {
                return Ok(());
            }
            if left {
                self.participant.primary_left();
            }
            self.abort_if_still_silent(silent);
            self.wait_for_work(&devices);
        }
    }

    /// Whether the set is ending other than normally, and what the agent then returns: the error
    /// after an abort, but not after that of the server's own close. [AMB-08]
    fn ending(&self) -> Option<Result<()>> {
        let abort = self.participant.abort_reason();
        // Looked at after the abort: a close shows itself before it aborts.
        let closing = self.agent.closing.load(Ordering::Acquire);
        match abort {
            None => closing.then_some(Ok(())),
            Some(abort) if closing && abort.code == VDI_ABORT_SERVER_CLOSED => Some(Ok(())),
            Some(_) => Some(Err(state::aborted())),
        }
    }

    /// Ends every outstanding command when the agent has left; it does so itself if this is its
    /// thread.
    pub(super) fn end_without_agent(&self) {
        if self.agent.wait_until_gone() {
            self.end_all();
        }
    }

    /// If no thread is the agent, calls the callbacks of what the client has completed: a close is
    /// no reason to lose it.
    pub(super) fn take_last_completions(&self) {
        if self.participant.is_aborted() {
            return;
        }
        if let Ok(_presence) = Presence::new(self, Agent::stand_in) {
            let taken = self.take_completions(&mut Vec::new());
            if self.participant.is_foreign() {
                // A callback has forked: the set is the parent's to end.
                return;
            }
            if let Err(what) = taken {
                // The close goes on, as after any abort.
                let _ = self.participant.corrupted(what);
            }
            self.try_terminate();
        }
    }

    /// Takes what is there on every device. `devices` are those that the agent has met: they only become
    /// more, so that the list is asked for the new ones only.
    fn take_completions(
        &self,
        devices: &mut Vec<Arc<DeviceState>>,
    ) -> std::result::Result<(), &'static str> {
        if self.has_more_devices_than(devices.len()) {
            self.add_devices_to(devices);
        }
        for device in devices {
            if self.participant.is_foreign() {
                // A callback has forked, and this is the child.
                break;
            }
            device.drain()?;
        }
        Ok(())
    }

    /// Since when the client has been silent, if that is too long. [TMO-10]
    pub(super) fn silent_for_too_long(&self) -> Option<Instant> {
        let limit = self.patience_with_client()?;
        self.silent_since().filter(|since| since.elapsed() > limit)
    }

    /// Aborts if the client was silent for too long before the completions were taken, and none was
    /// there: what has come while a routine ran is an answer, too. [TMO-10, TMO-13]
    pub(super) fn abort_if_still_silent(&self, before: Option<Instant>) {
        let limit = self.patience_with_client().unwrap_or_default();
        if before.is_some() && before == self.silent_since() {
            let text = format!("no completion for {} ms", limit.as_millis());
            self.participant.abort(VDI_ABORT_TIMEOUT, &text);
        }
    }

    fn wait_for_work(&self, devices: &[Arc<DeviceState>]) {
        let deadline = self.patience_with_client().map(|limit| {
            // A command that is sent meanwhile is noticed in time: the limit counts from then.
            let from = self.silent_since().unwrap_or_else(Instant::now);
            from + limit + Duration::from_millis(1)
        });
        let bell = self.participant.agent_bell();
        // A close and an abort end the wait as an error; the loop looks for itself.
        let _ = self
            .participant
            .wait(bell, &self.agent.patience, deadline, || {
                let work = devices.iter().any(|device| device.has_completions())
                    || self.has_more_devices_than(devices.len())
                    || self.agent.closing.load(Ordering::Acquire)
                    || (self.agent.nudged.load(Ordering::Relaxed)
                        && self.agent.nudged.swap(false, Ordering::AcqRel));
                work.then_some(Ok(()))
            });
    }

    /// How long the client may be silent: two intervals of its serverTimeOut. [TMO-10, AMB-38]
    fn patience_with_client(&self) -> Option<Duration> {
        match self.requested.server_timeout_ms {
            0 => None,
            interval => Some(Duration::from_millis(interval.into()) * 2),
        }
    }
}
