//! Threads that are lent: to sets as completion agents, and to peers.

use crate::binding::{Handle, vdi_server_execute_completion_agent};
use std::ptr::with_exposed_provenance_mut;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A thread that works for one case after another: starting one costs more than most cases.
pub(crate) struct Worker {
    /// Until it is given back.
    thread: Option<Thread>,
    is_busy: bool,
}

struct Thread {
    jobs: Sender<Job>,
    done: Receiver<()>,
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that no case has.
static IDLE: Mutex<Vec<Thread>> = Mutex::new(Vec::new());

/// A job that takes this long never ends.
const PATIENCE: Duration = Duration::from_secs(60);

impl Thread {
    fn start() -> Self {
        let (jobs, todo) = channel::<Job>();
        let (ready, done) = channel();
        thread::spawn(move || {
            for job in todo {
                job();
                if ready.send(()).is_err() {
                    return;
                }
            }
        });
        Self { jobs, done }
    }
}

impl Worker {
    pub(crate) fn new() -> Self {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self {
            thread: Some(idle.unwrap_or_else(Thread::start)),
            is_busy: false,
        }
    }

    /// Does something on the thread, unless it is busy.
    pub(crate) fn run(&mut self, job: impl FnOnce() + Send + 'static) {
        let Some(thread) = &self.thread else { return };
        self.is_busy = self.is_busy && thread.done.try_recv().is_err();
        if !self.is_busy {
            self.is_busy = true;
            thread.jobs.send(Box::new(job)).expect("the thread lives");
        }
    }

    /// Waits until the thread has done what it does.
    pub(crate) fn wait(&mut self) {
        let Some(thread) = &self.thread else { return };
        if std::mem::take(&mut self.is_busy) {
            let done = thread.done.recv_timeout(PATIENCE);
            done.expect("the call on the other thread returns");
        }
    }

    /// Lends the thread to a set, as its agent.
    pub(super) fn serve(&mut self, server: Handle) {
        let server = server.expose_provenance();
        self.run(move || {
            vdi_server_execute_completion_agent(with_exposed_provenance_mut(server));
        });
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.wait();
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            idle.extend(self.thread.take());
        }
    }
}
