//! The server's device: sending commands and taking their completions.

use super::inner::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::participant::lock;
use crate::participant::table::by_slot;
use crate::protocol::codes::{
    ERROR_INVALID_HANDLE, ERROR_INVALID_PARAMETER, ERROR_IO_DEVICE, ERROR_NO_SYSTEM_RESOURCES,
    ERROR_OPERATION_ABORTED, ERROR_SUCCESS, VDC_ClearError,
};
use crate::protocol::command::{CommandMessage, Completion, CompletionMessage, Place, moves_data};
use crate::protocol::state::{self, ServerCall, ServerDevice, ServerState};
use crate::queue::ring::Ring;
use crate::shm::area::Buffer;
use crate::sync::{AtomicU32, Mutex, Ordering};
use std::collections::VecDeque;
use std::sync::Arc;

/// A command to send.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Its `VDC_` code; any value travels. [CMD-02]
    pub code: i32,
    /// Bytes to transfer, or the bits of what else the command has in this field. [CMD-03]
    pub size: u32,
    /// Position on the device. [CMD-03]
    pub position: i64,
    /// Address of an allocated buffer, or 0 for none. Anything else is as 0, but in a Read or Write.
    pub address: usize,
}

impl Request {
    /// A command without buffer, size and position.
    #[must_use]
    pub fn new(code: i32) -> Self {
        Self {
            code,
            size: 0,
            position: 0,
            address: 0,
        }
    }

    /// A command that moves `size` bytes through a buffer.
    #[must_use]
    pub fn transfer(code: i32, buffer: &Buffer, size: u32) -> Self {
        Self {
            size,
            address: buffer.address(),
            ..Self::new(code)
        }
    }
}

/// What to do when a command has ended; done exactly once. [SSET-AGENT-09]
pub struct Callback(Kind);

enum Kind {
    Closure(Box<dyn FnOnce(Completion) + Send>),
    /// A function and its argument: what the C interface needs, without an allocation per command.
    Function(fn(usize, Completion), usize),
}

impl Callback {
    /// Calls a closure: on the agent's thread, or on the sending thread if sending fails. It may
    /// send, allocate, free and abort. It should not block.
    pub fn new(closure: impl FnOnce(Completion) + Send + 'static) -> Self {
        Self(Kind::Closure(Box::new(closure)))
    }

    /// Calls a function with an argument.
    pub(crate) fn function(function: fn(usize, Completion), argument: usize) -> Self {
        Self(Kind::Function(function, argument))
    }

    pub(crate) fn call(self, completion: Completion) {
        match self.0 {
            Kind::Closure(closure) => closure(completion),
            Kind::Function(function, argument) => function(argument, completion),
        }
    }
}

/// A device that the server opened. Belongs to its set and ends with it.
pub struct Device {
    state: Arc<DeviceState>,
}

impl Device {
    pub(super) fn new(state: Arc<DeviceState>) -> Self {
        Self { state }
    }

    /// Sends a command; never blocks. [SDEV-SEND-01]
    ///
    /// # Errors
    ///
    /// `QueueFull`, `IoError`, `Protocol` if the device is closed, `Abort`, `Invalid` for a bad
    /// buffer. The callback has then been called, with the matching code. [SDEV-SEND-04]
    pub fn send(&self, request: Request, callback: Callback) -> Result<()> {
        self.state.send(&request, callback)
    }

    /// Closes the device. [SDEV-CLOSE-01]
    ///
    /// # Errors
    ///
    /// `Close` if it was closed before, `Abort`, `Protocol` if the set is not open.
    pub fn close(&self) -> Result<()> {
        self.state.close()
    }

    /// Aborts the set after a panic inside one of its calls.
    pub(crate) fn poison(&self) {
        self.state.set.participant.poison();
    }
}

/// What the set knows of a device that is open.
pub(super) struct DeviceState {
    set: Arc<Inner>,
    index: usize,
    /// Completions taken from the ring; counted by who calls the callbacks, one thread at a time.
    taken: AtomicU32,
    progress: Mutex<Progress>,
}

/// The outstanding commands, and how far they have come.
struct Progress {
    /// Commands put into the ring.
    sent: u32,
    /// By ticket: the commands that were sent and have not ended.
    outstanding: Vec<Option<Outstanding>>,
    /// Unused tickets, the longest unused first.
    tickets: VecDeque<u32>,
    /// The IO-ERROR state. [ERR-01]
    failed: bool,
    closed: bool,
    /// After the abort: nothing is sent any more. [ABT-04]
    dead: bool,
}

struct Outstanding {
    callback: Callback,
    code: i32,
    size: u32,
    /// The buffer that was lent, or 0.
    address: usize,
    /// Place in the order of sending.
    position: u32,
}

/// Why a command was not sent: the error for the caller, the code for the callback.
type Refusal = (Error, i32);

fn refusal(kind: ErrorKind, text: &'static str, code: i32) -> Refusal {
    (Error::new(kind, text), code)
}

impl DeviceState {
    pub(super) fn new(set: Arc<Inner>, index: usize) -> Result<Self> {
        let capacity = set.participant.control().geometry().capacity;
        Ok(Self {
            set,
            index,
            taken: AtomicU32::new(0),
            progress: Mutex::new(Progress {
                sent: 0,
                outstanding: by_slot(capacity, |_| None)?,
                tickets: by_slot(capacity, |ticket| ticket)?.into(),
                failed: false,
                closed: false,
                dead: false,
            }),
        })
    }

    fn commands(&self) -> Ring<'_> {
        self.set.participant.command_ring(self.index)
    }

    fn completions(&self) -> Ring<'_> {
        self.set.participant.completion_ring(self.index)
    }

    fn send(&self, request: &Request, callback: Callback) -> Result<()> {
        let mut progress = lock(&self.progress);
        match self.place(&mut progress, request) {
            Ok((ticket, place)) => {
                self.queue(&mut progress, request, callback, ticket, place);
                drop(progress);
                self.set.participant.device_bell(self.index).ring();
                Ok(())
            }
            Err((error, code)) => {
                // Outside the lock: the callback may send.
                drop(progress);
                callback.call(Completion::automatic(code));
                Err(error)
            }
        }
    }

    /// The state of the set as this device sees it.
    fn state(&self, progress: &Progress) -> ServerState {
        if progress.dead || self.set.participant.is_aborted() {
            ServerState::Abort
        } else if progress.closed {
            ServerState::Terminated
        } else {
            ServerState::Active
        }
    }

    /// A ticket and the place of the buffer, or why not. [SDEV-SEND-04, AMB-28]
    fn place(
        &self,
        progress: &mut Progress,
        request: &Request,
    ) -> std::result::Result<(u32, Option<Place>), Refusal> {
        let participant = &self.set.participant;
        if let Err(error) = participant.check_open() {
            return Err((error, ERROR_INVALID_HANDLE));
        }
        if let Err(error) = state::server(ServerCall::SendCommand, self.state(progress)) {
            let code = match error.kind() {
                ErrorKind::Abort => ERROR_OPERATION_ABORTED,
                _ => ERROR_INVALID_HANDLE,
            };
            return Err((error, code));
        }
        if progress.failed && request.code != VDC_ClearError {
            let text = "the device is in the IO-ERROR state and takes VDC_ClearError only";
            return Err(refusal(ErrorKind::IoError, text, ERROR_IO_DEVICE));
        }
        let Some(&ticket) = progress.tickets.front() else {
            let text = "too many commands are outstanding on this device";
            let code = ERROR_NO_SYSTEM_RESOURCES;
            return Err(refusal(ErrorKind::QueueFull, text, code));
        };
        let place = self.set.lend(request).ok_or_else(|| {
            let text = "buffer is not an allocated buffer of this set that holds size bytes";
            refusal(ErrorKind::Invalid, text, ERROR_INVALID_PARAMETER)
        })?;
        progress.tickets.pop_front();
        Ok((ticket, place))
    }

    fn queue(
        &self,
        progress: &mut Progress,
        request: &Request,
        callback: Callback,
        ticket: u32,
        place: Option<Place>,
    ) {
        let message = CommandMessage {
            ticket,
            code: request.code,
            size: request.size,
            position: request.position,
            place,
        };
        progress.outstanding[ticket as usize] = Some(Outstanding {
            callback,
            code: request.code,
            size: request.size,
            address: place.map_or(0, |_| request.address),
            position: progress.sent,
        });
        self.set.command_sent();
        let ring = self.commands();
        ring.write(progress.sent, message.encode());
        progress.sent = progress.sent.wrapping_add(1);
        ring.publish(progress.sent);
    }

    /// Whether the client has published completions, or pretends to have.
    pub(super) fn has_completions(&self) -> bool {
        let taken = self.taken.load(Ordering::Relaxed);
        self.completions().ready(taken) != Ok(0)
    }

    /// Whether every command that was sent has been completed; for what was ended instead, never again.
    pub(super) fn is_idle(&self) -> bool {
        let progress = lock(&self.progress);
        progress.tickets.len() == progress.outstanding.len()
    }

    /// Takes the completions that are there now and calls their callbacks, in order.
    ///
    /// The error names what is impossible about a completion. [SEC-07]
    pub(super) fn drain(&self) -> std::result::Result<(), &'static str> {
        let ring = self.completions();
        let first = self.taken.load(Ordering::Relaxed);
        let ready = match ring.ready(first) {
            Ok(ready) => ready,
            Err(_) if self.set.is_ending() => return Ok(()),
            Err(_) => return Err("the end of the completion queue"),
        };
        for position in (0..ready).map(|n| first.wrapping_add(n)) {
            // A routine may have aborted or closed: the rest ends as aborted. [SSET-AGENT-05]
            if self.set.is_ending() {
                break;
            }
            let message = CompletionMessage::decode(ring.read(position));
            // Unlocked at once: the routine may send.
            let Some(ended) = lock(&self.progress).take(&message)? else {
                break;
            };
            self.taken
                .store(position.wrapping_add(1), Ordering::Relaxed);
            self.set.command_ended(ended.address);
            ended.callback.call(message.completion);
        }
        Ok(())
    }

    /// Ends every outstanding command, in the order of sending. [ABT-08] If a callback forks, the
    /// others are called in the parent only.
    pub(super) fn end_all(&self) {
        let mut progress = lock(&self.progress);
        progress.dead = true;
        let sent = progress.sent;
        let outstanding = progress.outstanding.iter_mut();
        let mut ended: Vec<_> = outstanding.filter_map(Option::take).collect();
        drop(progress);
        ended.sort_by_key(|command| std::cmp::Reverse(sent.wrapping_sub(command.position)));
        for command in ended {
            if self.set.participant.is_foreign() {
                return;
            }
            self.set.command_ended(command.address);
            command
                .callback
                .call(Completion::automatic(ERROR_OPERATION_ABORTED));
        }
    }

    fn close(&self) -> Result<()> {
        let participant = &self.set.participant;
        participant.check_open()?;
        let mut progress = lock(&self.progress);
        state::server(ServerCall::CloseDevice, self.state(&progress))?;
        progress.closed = true;
        // Counted first: a client that sees its last device closed may leave at once.
        let is_last = self.set.device_closes();
        let word = &participant.control().device(self.index).header().server;
        word.store(ServerDevice::Closed as u32, Ordering::Release);
        drop(progress);
        participant.device_bell(self.index).ring();
        if is_last {
            self.set.try_terminate();
            // It returns, or ends the set itself when the last command has ended.
            self.set.nudge();
        }
        Ok(())
    }
}

impl Progress {
    /// Takes the command that a completion belongs to; `None` after the abort.
    fn take(
        &mut self,
        message: &CompletionMessage,
    ) -> std::result::Result<Option<Outstanding>, &'static str> {
        if self.dead {
            return Ok(None);
        }
        let impossible = "the number of a completion";
        let place = self.outstanding.get_mut(message.ticket as usize);
        let place = place.ok_or(impossible)?;
        let completion = &message.completion;
        let most = match place {
            None => return Err(impossible),
            Some(command) if moves_data(command.code) => command.size,
            Some(_) => 0,
        };
        if completion.bytes > most {
            return Err("the byte count of a completion");
        }
        let command = place.take().ok_or(impossible)?;
        self.tickets.push_back(message.ticket);
        match (
            command.code == VDC_ClearError,
            completion.code == ERROR_SUCCESS,
        ) {
            (true, true) => self.failed = false,
            (false, false) => self.failed = true,
            _ => {}
        }
        Ok(Some(command))
    }
}

#[cfg(test)]
#[path = "device_tests.rs"]
mod tests;
