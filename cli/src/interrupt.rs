//! Ctrl-C and termination: the signal is remembered, and the device set is aborted at once.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::exit::{Exit, Failure};

/// Takes the name of the signal that came.
type Action = Box<dyn Fn(&'static str) + Send>;

#[derive(Default)]
struct State {
    signal: Option<&'static str>,
    action: Option<Action>,
}

/// The signals that end a run.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<Mutex<State>>);

/// Dropping it turns the alarm off.
pub(crate) struct Alarm(#[expect(dead_code, reason = "its end is what counts")] Sender<()>);

impl Interrupt {
    /// Begins to watch for signals.
    pub(crate) fn install() -> Result<Self, Failure> {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])
            .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
        let interrupt = Self(Arc::default());
        let watcher = interrupt.clone();
        thread::spawn(move || {
            for signal in signals.forever() {
                watcher.arrived(match signal {
                    SIGHUP => "SIGHUP",
                    SIGINT => "SIGINT",
                    _ => "SIGTERM",
                });
            }
        });
        Ok(interrupt)
    }

    /// Does `action` when a signal comes; at once if one has come already.
    pub(crate) fn on_signal(&self, action: impl Fn(&'static str) + Send + 'static) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = state.signal {
            action(signal);
        }
        state.action = Some(Box::new(action));
    }

    /// The name of the signal that came, if one did.
    pub(crate) fn signal(&self) -> Option<&'static str> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.signal
    }

    /// The failure that a signal caused, if one came.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.signal() {
            Some(signal) => Err(Failure::new(
                Exit::Aborted,
                format!("interrupted by {signal}; the device set was aborted, nothing was kept"),
            )),
            None => Ok(()),
        }
    }

    /// Does as if a signal had come, when so much time has passed and the alarm still exists.
    pub(crate) fn alarm(&self, after: Duration) -> Alarm {
        let (kept, watched) = channel::<()>();
        let interrupt = self.clone();
        thread::spawn(move || {
            if watched.recv_timeout(after) == Err(RecvTimeoutError::Timeout) {
                interrupt.arrived("the query time-out");
            }
        });
        Alarm(kept)
    }

    fn arrived(&self, signal: &'static str) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.signal.get_or_insert(signal);
        if let Some(action) = &state.action {
            action(signal);
        }
    }
}
