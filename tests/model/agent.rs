//! The thread of the completion agent, and what the completion routines see.

use crate::binding::*;
use crate::calls::{End, Then};
use crate::world::World;
use std::ffi::c_void;
use std::fs;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};
use vdi::codes::*;

/// Whether a sequence has failed: what follows only looks for a shorter one.
pub(crate) static FAILED: AtomicBool = AtomicBool::new(false);

/// Long enough for any machine; what takes this long does not come any more.
pub(crate) fn patience() -> Duration {
    if FAILED.load(Ordering::Relaxed) {
        Duration::from_millis(500)
    } else {
        Duration::from_secs(60)
    }
}

/// What all routines of a test tell.
#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    nested: Vec<i32>,
    agent: Option<ThreadId>,
    /// Every command that was sent; kept until the end of the test.
    records: Vec<Kept>,
}

/// A record that stays where it is. (STRUCT-06)
struct Kept(#[expect(dead_code, reason = "kept, not used")] Box<Record>);

// SAFETY: the pointers are addresses of records and buffers, which outlive all threads of a test.
unsafe impl Send for State {}

/// The call of a routine.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) command: usize,
    pub(crate) end: End,
    pub(crate) on_agent: bool,
}

/// A command, as the server has it.
pub(crate) struct Record {
    command: VdsCommand,
    number: usize,
    then: Then,
    device: Handle,
    server: Handle,
    shared: *const Shared,
    /// The one that the routine sends.
    again: Option<Box<Record>>,
}

impl Record {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        world: &World,
        number: usize,
        buffer: *mut u8,
        device: Handle,
        server: Handle,
    ) -> Box<Self> {
        let command = &world.commands[number];
        let child = || Self::new(shared, world, number + 1, null_mut(), device, server);
        let mut record = Box::new(Self {
            command: VdsCommand {
                code: command.sent.code,
                size: command.sent.size,
                in_position: command.position,
                out_position: 0x5555,
                buffer,
                routine: Some(routine),
                context: null_mut(),
                completion_code: 0x5555,
                bytes_transferred: 0x5555,
            },
            number,
            then: command.sent.then,
            device,
            server,
            shared: Arc::as_ptr(shared),
            again: (command.sent.then == Then::SendAgain).then(child),
        });
        record.command.context = (&raw mut *record).cast::<c_void>();
        record
    }
}

/// The completion routine of every command.
unsafe extern "C" fn routine(command: *mut VdsCommand) {
    // SAFETY: set by `Record::new`; the record lives until the end of the test.
    let context = unsafe { (*command).context };
    // SAFETY: as above.
    let record = unsafe { &mut *context.cast::<Record>() };
    // SAFETY: as above.
    let shared = unsafe { &*record.shared };
    let values = record.command;
    shared.saw(Seen {
        command: record.number,
        end: End {
            code: values.completion_code,
            bytes: values.bytes_transferred as u32,
            position: values.out_position,
        },
        on_agent: shared.is_agent(),
    });
    if values.completion_code != ERROR_SUCCESS {
        return;
    }
    let result = match record.then {
        Then::Return => return,
        Then::SendAgain => {
            let again = record.again.as_mut().map(|again| &raw mut again.command);
            // SAFETY: the record of the other command lives as long as this one.
            unsafe { vdi_server_send_command(record.device, again.unwrap_or(null_mut())) }
        }
        Then::CloseDevice => vdi_server_close_device(record.device),
        Then::SignalAbort => server_signal_abort(record.server),
    };
    shared.lock().nested.push(result);
    shared.changed.notify_all();
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn saw(&self, seen: Seen) {
        self.lock().seen.push(seen);
        self.changed.notify_all();
    }

    fn is_agent(&self) -> bool {
        self.lock().agent == Some(thread::current().id())
    }

    pub(crate) fn keep(shared: &Arc<Self>, mut record: Box<Record>) -> *mut VdsCommand {
        let command = &raw mut record.command;
        shared.lock().records.push(Kept(record));
        command
    }

    /// Waits for that many routines and nested calls; returns all that there were.
    pub(crate) fn wait_for(&self, seen: usize, nested: usize) -> (Vec<Seen>, Vec<i32>) {
        let missing = |state: &mut State| state.seen.len() < seen || state.nested.len() < nested;
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), patience(), missing);
        let (mut state, _) = waited.unwrap();
        (
            std::mem::take(&mut state.seen),
            std::mem::take(&mut state.nested),
        )
    }
}

/// A thread that is, or was, the agent.
pub(crate) struct Agent {
    thread: libc::pid_t,
    result: Receiver<i32>,
    returned: std::cell::Cell<Option<i32>>,
}

/// A handle is only looked up, so any thread may have it.
struct Sendable(Handle);

// SAFETY: never dereferenced.
unsafe impl Send for Sendable {}

impl Agent {
    pub(crate) fn start(server: Handle, shared: &Arc<Shared>) -> Self {
        let (announce, announced) = mpsc::channel();
        let (answer, result) = mpsc::channel();
        let (server, shared) = (Sendable(server), Arc::clone(shared));
        thread::spawn(move || {
            let server = server;
            shared.lock().agent = Some(thread::current().id());
            // SAFETY: no arguments.
            announce.send(unsafe { libc::gettid() }).unwrap();
            let result = vdi_server_execute_completion_agent(server.0);
            // The test may have failed and gone.
            let _ = answer.send(result);
        });
        Self {
            thread: announced.recv().unwrap(),
            result,
            returned: std::cell::Cell::new(None),
        }
    }

    /// Waits until the thread sleeps in the call, or has returned from it.
    pub(crate) fn entered(&self) -> bool {
        let start = Instant::now();
        let mut asleep = 0;
        while start.elapsed() < patience() {
            if let Ok(result) = self.result.try_recv() {
                self.returned.set(Some(result));
                return true;
            }
            // More than one look: where a bell's sleep looks like any other, a lock may hold the thread
            // up on its way.
            asleep = if self.is_asleep() { asleep + 1 } else { 0 };
            if asleep == 3 {
                return true;
            }
            thread::yield_now();
        }
        false
    }

    /// Whether the thread sleeps at a bell: on a word that processes share, as nothing else does. Where
    /// the kernel does not tell, whether it sleeps.
    fn is_asleep(&self) -> bool {
        let task = format!("/proc/self/task/{}", self.thread);
        let call = fs::read_to_string(format!("{task}/syscall")).unwrap_or_default();
        if !call.is_empty() {
            let mut words = call.split(' ');
            let is_futex = words.next() == Some(&libc::SYS_futex.to_string());
            // The second argument: not the private kind of sleep.
            return is_futex && words.nth(1) == Some(&format!("{:#x}", libc::FUTEX_WAIT));
        }
        let state = fs::read_to_string(format!("{task}/stat")).unwrap_or_default();
        state.contains(") S ")
    }

    /// What the call has returned; waits for it.
    pub(crate) fn result(self) -> Option<i32> {
        let returned = self.returned.get();
        returned.or_else(|| self.result.recv_timeout(patience()).ok())
    }
}
