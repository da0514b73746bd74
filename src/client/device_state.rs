//! How far a client's device has come: the queue, the commands in progress, the IO-ERROR state.

use super::command::Command;
use super::handles::{self, Meaning};
use super::inner::Inner;
use super::progress::{Active, Progress};
use crate::error::{Error, ErrorKind, Result};
use crate::participant::lock;
use crate::protocol::codes::{
    ERROR_IO_DEVICE, ERROR_OPERATION_ABORTED, ERROR_SUCCESS, VDC_ClearError,
};
use crate::protocol::command::{CommandMessage, Completion, CompletionMessage, Place, moves_data};
use crate::protocol::state::{self, ClientCall, ClientState, ServerDevice};
use crate::queue::patience::Patience;
use crate::queue::ring::Ring;
use crate::shm::area::{Area, Buffer};
use crate::sync::{AtomicBool, Mutex, Ordering};
use std::sync::Arc;

/// What the set knows of a device that this process opened.
pub(super) struct DeviceState {
    pub(super) set: Arc<Inner>,
    pub(super) index: usize,
    progress: Mutex<Progress>,
    /// Whether a thread is in GetCommand.
    pub(super) receiving: AtomicBool,
    pub(super) patience: Patience,
}

impl DeviceState {
    pub(super) fn new(set: Arc<Inner>, index: usize) -> Result<Self> {
        let capacity = set.participant.control().geometry().capacity;
        Ok(Self {
            set,
            index,
            progress: Mutex::new(Progress::new(capacity)?),
            receiving: AtomicBool::new(false),
            patience: Patience::default(),
        })
    }

    fn commands(&self) -> Ring<'_> {
        self.set.participant.command_ring(self.index)
    }

    fn completions(&self) -> Ring<'_> {
        self.set.participant.completion_ring(self.index)
    }

    /// Lets a call pass or refuses it by the state that this device sees. [AMB-39]
    fn check(&self, call: ClientCall, progress: &Progress) -> Result<()> {
        let state = if self.set.participant.is_aborted() {
            ClientState::Abort
        } else if progress.closed {
            ClientState::Terminated
        } else {
            ClientState::Active
        };
        state::client(call, state).map_err(|error| match error.kind() {
            ErrorKind::Protocol => {
                let text = "the device was closed, and VD_E_CLOSE was returned before";
                Error::new(ErrorKind::Protocol, text)
            }
            _ => error,
        })
    }

    /// Why a thread cannot enter GetCommand: another one is there, and may not have woken up yet to
    /// tell of a close or an abort. [AMB-31]
    pub(super) fn occupied(&self) -> Error {
        let participant = &self.set.participant;
        if let Err(error) = participant.check_open() {
            return error;
        }
        if participant.is_aborted() {
            return participant.refusal();
        }
        let text = "another thread is waiting for a command of this device";
        Error::new(ErrorKind::Busy, text)
    }

    /// One look at the queue, in a set that is not known to be aborted: a command, the end, or `None`
    /// for nothing yet.
    pub(super) fn next(&self) -> Option<Result<Command>> {
        let mut progress = lock(&self.progress);
        // Read before the state: a server that leaves too early has aborted before.
        let alone = self.set.is_alone();
        if alone || progress.closed {
            if let Err(error) = self.check(ClientCall::GetCommand, &progress) {
                return Some(Err(error));
            }
        }
        // Read before the ring: what the server sent before it closed comes first. [AMB-17]
        let closing = self.set.participant.server_device(self.index) == Some(ServerDevice::Closed);
        match self.take(&mut progress, closing) {
            Ok(Look::Command(command)) => Some(Ok(command)),
            Ok(Look::Nothing) if closing && progress.active_count == 0 => {
                progress.closed = true;
                let text = "the server has closed the device";
                Some(Err(Error::new(ErrorKind::Close, text)))
            }
            Ok(Look::Nothing | Look::Later) if alone && progress.active_count == 0 => {
                Some(Err(self.set.participant.corrupted("the state of a device")))
            }
            Ok(Look::Nothing | Look::Later) => None,
            Err(what) => Some(Err(self.set.participant.corrupted(what))),
        }
    }

    /// Takes the next deliverable command. In the IO-ERROR state everything but a ClearError is
    /// completed on the spot. A ClearError waits until the commands are completed that were in
    /// progress when the error came, even if an older ClearError has ended the state meanwhile. In
    /// the IO-ERROR state a close takes its place. [ERR-03, ERR-05, AMB-17]
    fn take(
        &self,
        progress: &mut Progress,
        closing: bool,
    ) -> std::result::Result<Look, &'static str> {
        // Each round but the last ends a ClearError; no honest server sends more than fit.
        for _ in 0..=progress.active.len() {
            let ring = self.commands();
            if progress.failed {
                self.discard(progress)?;
            }
            let held = progress.held;
            let message = match held {
                Some(held) if closing => {
                    progress.held = None;
                    self.reject(progress, held.ticket, ERROR_OPERATION_ABORTED);
                    self.publish(progress);
                    continue;
                }
                Some(_) if progress.active_count > 0 => return Ok(Look::Later),
                Some(held) => held,
                None if progress.failed || self.is_empty(progress)? => return Ok(Look::Nothing),
                None => {
                    let next = CommandMessage::decode(ring.read(progress.taken));
                    if next.code == VDC_ClearError && progress.has_old() {
                        return Ok(Look::Later);
                    }
                    next
                }
            };
            let look = self.deliver(progress, &message)?;
            if matches!(look, Look::Command(_)) && progress.held.take().is_none() {
                progress.taken = progress.taken.wrapping_add(1);
            }
            return Ok(look);
        }
        Err("the number of queued commands")
    }

    /// How many commands are queued.
    fn ready(&self, progress: &mut Progress) -> std::result::Result<u32, &'static str> {
        let ready = self.commands().ready(progress.taken);
        let ready = ready.map_err(|_| "the end of the command queue")?;
        progress.known = progress.taken.wrapping_add(ready);
        Ok(ready)
    }

    /// Whether no command is queued. The server's word is left alone as long as it has told of more
    /// than was taken: a look at it makes the server's next command wait for the cache.
    fn is_empty(&self, progress: &mut Progress) -> std::result::Result<bool, &'static str> {
        Ok(progress.known == progress.taken && self.ready(progress)? == 0)
    }

    /// In the IO-ERROR state: holds the first ClearError and rejects everything else that is queued
    /// before the second one, because the server sent it before it heard of the error. [ERR-03, ERR-15]
    fn discard(&self, progress: &mut Progress) -> std::result::Result<(), &'static str> {
        let ring = self.commands();
        let before = progress.completed;
        for _ in 0..self.ready(progress)? {
            let message = CommandMessage::decode(ring.read(progress.taken));
            if message.code != VDC_ClearError {
                self.reject(progress, message.ticket, ERROR_IO_DEVICE);
            } else if progress.held.is_none() {
                progress.held = Some(message);
            } else {
                break;
            }
            progress.taken = progress.taken.wrapping_add(1);
        }
        if progress.completed != before {
            self.publish(progress);
        }
        Ok(())
    }

    /// Makes a message an active command; later, if its buffer area has not arrived yet. The bell
    /// rings when it does.
    fn deliver(
        &self,
        progress: &mut Progress,
        message: &CommandMessage,
    ) -> std::result::Result<Look, &'static str> {
        let buffer = match message.place {
            None => None,
            Some(place) => match self.set.areas.get(place.area) {
                None => return Ok(Look::Later),
                Some(area) => Some(self.buffer(area, place, message)?),
            },
        };
        let slot = message.ticket as usize;
        match progress.active.get_mut(slot) {
            Some(free @ None) => {
                *free = Some(Active {
                    code: message.code,
                    size: message.size,
                    buffer: buffer.clone(),
                    has_handle: false,
                    is_old: false,
                });
            }
            _ => return Err("the number of a command"),
        }
        progress.active_count += 1;
        Ok(Look::Command(Command {
            slot: message.ticket,
            code: message.code,
            size: message.size,
            position: message.position,
            buffer,
        }))
    }

    fn buffer(
        &self,
        area: Arc<Area>,
        place: Place,
        message: &CommandMessage,
    ) -> std::result::Result<Buffer, &'static str> {
        let size = if moves_data(message.code) {
            message.size
        } else {
            0
        };
        let meaning = Meaning { place, size };
        self.set
            .buffer(area, meaning)
            .ok_or("the place of a buffer")
    }

    pub(super) fn complete(&self, slot: u32, completion: Completion) -> Result<()> {
        let participant = &self.set.participant;
        participant.check_open()?;
        let mut progress = lock(&self.progress);
        self.check(ClientCall::CompleteCommand, &progress)?;
        let active = progress.finish(slot, &completion)?;
        if active.has_handle {
            handles::retire(participant.control(), self.index, slot);
        }
        let failed = completion.code != ERROR_SUCCESS && active.code != VDC_ClearError;
        let cleared = completion.code == ERROR_SUCCESS && active.code == VDC_ClearError;
        let mut late = 0;
        if progress.failed {
            self.discard(&mut progress)
                .map_err(|what| participant.corrupted(what))?;
        } else if failed {
            // Counted before the failure is published: a ClearError that the server sends in answer
            // to it must not be taken for one of the commands that are thrown away. [ERR-03]
            late = self
                .ready(&mut progress)
                .map_err(|what| participant.corrupted(what))?;
            progress
                .active
                .iter_mut()
                .flatten()
                .for_each(|active| active.is_old = true);
        }
        progress.failed = (progress.failed || failed) && !cleared;
        let bytes = if moves_data(active.code) {
            completion.bytes
        } else {
            0
        };
        let reported = Completion {
            bytes,
            ..completion
        };
        self.put(&mut progress, slot, reported);
        for _ in 0..late {
            let ring = self.commands();
            let message = CommandMessage::decode(ring.read(progress.taken));
            progress.taken = progress.taken.wrapping_add(1);
            self.reject(&mut progress, message.ticket, ERROR_IO_DEVICE);
        }
        self.publish(&progress);
        drop(progress);
        self.wake_receiver();
        Ok(())
    }

    /// Completes a command that the application never sees. [ERR-03]
    fn reject(&self, progress: &mut Progress, ticket: u32, code: i32) {
        self.put(progress, ticket, Completion::automatic(code));
    }

    fn put(&self, progress: &mut Progress, ticket: u32, completion: Completion) {
        let message = CompletionMessage { ticket, completion };
        self.completions()
            .write(progress.completed, message.encode());
        progress.completed = progress.completed.wrapping_add(1);
    }

    /// Shows the server all completions so far and wakes its agent.
    fn publish(&self, progress: &Progress) {
        self.completions().publish(progress.completed);
        self.set.participant.agent_bell().ring();
    }

    /// A thread in GetCommand may wait for the last completion, not for the server. [ERR-05]
    fn wake_receiver(&self) {
        if self.receiving.load(Ordering::Acquire) {
            self.set.participant.device_bell(self.index).ring();
        }
    }

    /// The handle of the active command's buffer at an address.
    pub(super) fn buffer_handle(&self, address: usize) -> Option<u32> {
        let mut progress = lock(&self.progress);
        let progress = &mut *progress;
        for (slot, active) in progress.active.iter_mut().enumerate() {
            let Some(active) = active else { continue };
            let Some(buffer) = &active.buffer else {
                continue;
            };
            if buffer.address() != address {
                continue;
            }
            active.has_handle = true;
            let (area, offset) = buffer.place();
            let meaning = Meaning {
                place: Place { area, offset },
                size: buffer.len() as u32,
            };
            let control = self.set.participant.control();
            let use_count = progress.uses[slot];
            return Some(handles::publish(
                control,
                self.index,
                slot as u32,
                use_count,
                meaning,
            ));
        }
        None
    }
}

/// What a look at the queue finds.
enum Look {
    Command(Command),
    /// Something that cannot be delivered yet.
    Later,
    /// The queue is empty.
    Nothing,
}
