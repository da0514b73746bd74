//! Sections 11, 13, 15 and 16: the devices on both sides.

use super::{Command, Phase, World, automatic, moves_data};
use crate::calls::{End, Which};
use vdi::codes::*;

/// Commands that may be outstanding on one device. (AMB-09)
const CAPACITY: usize = VDI_QUEUE_CAPACITY as usize;

impl World {
    /// The set of a client's device handle that is open.
    pub(crate) fn open_device_of(&self, client: usize, device: usize) -> Option<usize> {
        let set = self.set_of(client)?;
        let opened = self.clients[client].devices[device]?;
        (opened == self.clients[client].life).then_some(set)
    }

    pub(super) fn get_command(&mut self, client: usize, device: usize) -> i32 {
        let Some(set) = self.open_device_of(client, device) else {
            return VD_E_PROTOCOL;
        };
        if self.sets[set].phase == Phase::Aborted {
            return VD_E_ABORT;
        }
        if self.sets[set].devices[device].ended {
            return VD_E_PROTOCOL;
        }
        let next = loop {
            self.reject_queued(set, device);
            let state = &mut self.sets[set].devices[device];
            match state.held {
                // The close takes its place. (AMB-17)
                Some(held) if state.closed => {
                    state.held = None;
                    let end = automatic(ERROR_OPERATION_ABORTED);
                    state.recorded.push_back((held, end));
                }
                Some(_) if !state.active.is_empty() => return VD_E_TIMEOUT,
                Some(_) => break state.held.take(),
                None if state.client_failed => break None,
                None => {
                    let next = state.queue.front();
                    let clears =
                        next.is_some_and(|&next| self.commands[next].sent.code == VDC_ClearError);
                    // It waits for what was in progress when the error came. (ERR-05)
                    if clears && !state.old.is_empty() {
                        return VD_E_TIMEOUT;
                    }
                    break state.queue.pop_front();
                }
            }
        };
        let state = &mut self.sets[set].devices[device];
        if let Some(next) = next {
            state.active.push(next);
            self.commands[next].active = true;
            self.commands[next].holder = Some((client, self.clients[client].life));
            self.outcome.command = Some(next);
            return NOERROR;
        }
        if state.closed && state.active.is_empty() {
            state.ended = true;
            return VD_E_CLOSE;
        }
        VD_E_TIMEOUT
    }

    /// In the IO-ERROR state: holds the first ClearError, and rejects all that the server sent
    /// before it can have heard of the error. (ERR-03, ERR-15)
    fn reject_queued(&mut self, set: usize, device: usize) {
        let state = &mut self.sets[set].devices[device];
        while let (true, Some(&next)) = (state.client_failed, state.queue.front()) {
            if self.commands[next].sent.code != VDC_ClearError {
                state.recorded.push_back((next, automatic(ERROR_IO_DEVICE)));
            } else if state.held.is_none() {
                state.held = Some(next);
            } else {
                return;
            }
            state.queue.pop_front();
        }
    }

    /// The command that a client means.
    pub(crate) fn pick(&self, set: usize, device: usize, which: Which) -> Option<usize> {
        let device = &self.sets[set].devices[device];
        match which {
            Which::Active(_) if device.active.is_empty() => None,
            Which::Active(n) => Some(device.active[n % device.active.len()]),
            Which::Completed => device.completed,
            Which::Null => None,
        }
    }

    pub(super) fn complete(&mut self, client: usize, device: usize, which: Which, end: End) -> i32 {
        let Some(set) = self.open_device_of(client, device) else {
            return VD_E_PROTOCOL;
        };
        if self.sets[set].phase == Phase::Aborted {
            return VD_E_ABORT;
        }
        let picked = self.pick(set, device, which);
        if self.sets[set].devices[device].ended {
            return VD_E_PROTOCOL;
        }
        let Some(command) = picked.filter(|&command| self.commands[command].active) else {
            return VD_E_INVALID;
        };
        let sent = self.commands[command].sent;
        let counts = moves_data(sent.code);
        if counts && end.bytes > sent.size as u32 {
            return VD_E_INVALID; // (AMB-34)
        }
        let bytes = if counts { end.bytes } else { 0 };
        self.reject_queued(set, device);
        let state = &mut self.sets[set].devices[device];
        self.commands[command].active = false;
        state.active.retain(|&active| active != command);
        state.old.retain(|&old| old != command);
        state.completed = Some(command);
        state.recorded.push_back((command, End { bytes, ..end }));
        let clears = sent.code == VDC_ClearError;
        if end.code != ERROR_SUCCESS && !clears && !state.client_failed {
            // What is queued at this moment, ClearErrors too, the client never sees. (ERR-03)
            state.client_failed = true;
            state.old = state.active.clone();
            let rejected = state.queue.drain(..);
            let rejected = rejected.map(|command| (command, automatic(ERROR_IO_DEVICE)));
            state.recorded.extend(rejected);
        }
        if end.code == ERROR_SUCCESS && clears {
            state.client_failed = false;
        }
        NOERROR
    }

    /// The agent may have been quicker than the abort, or not. (AMB-50)
    pub(super) fn complete_and_abort(&mut self, client: usize, device: usize, end: End) {
        let result = self.complete(client, device, Which::Active(0), end);
        self.answer(result);
        self.agent_works();
        let result = self.client_abort(client);
        self.answer(result);
        for callback in &mut self.outcome.callbacks {
            callback.either = true;
        }
        if let Some(results) = &mut self.outcome.agent {
            results.push(VD_E_ABORT);
        }
    }

    pub(super) fn get_buffer_handle(&mut self, client: usize, device: usize, which: Which) -> i32 {
        let Some(set) = self.set_of(client) else {
            return VD_E_PROTOCOL;
        };
        if self.sets[set].phase < Phase::Configured {
            return VD_E_INVALID;
        }
        let meant = (device < self.sets[set].devices.len())
            .then(|| self.pick(set, device, which))
            .flatten();
        let buffer = meant.and_then(|command| {
            let command = &self.commands[command];
            command
                .buffer
                .filter(|_| self.holder_of(command) == Some(client))
        });
        let has_it = |command: &Command| {
            command.active && command.buffer == buffer && self.holder_of(command) == Some(client)
        };
        let found = self.commands.iter().position(has_it);
        let (Some(command), true) = (found, buffer.is_some()) else {
            return VD_E_INVALID;
        };
        self.handles.push(command);
        NOERROR
    }

    pub(super) fn map_buffer_handle(&mut self, client: usize, handle: usize) -> i32 {
        let Some(set) = self.set_of(client) else {
            return VD_E_PROTOCOL;
        };
        let Some(&command) = self.handles.get(handle) else {
            return VD_E_INVALID;
        };
        // Until the command is completed, also after an abort. (CSET-BUFH-07, AMB-06)
        if self.commands[command].set != set || !self.commands[command].active {
            return VD_E_INVALID;
        }
        self.outcome.command = Some(command);
        NOERROR
    }

    /// Sends the command with that number, which is not outstanding.
    pub(super) fn send(&mut self, device: usize, command: usize) -> i32 {
        let (result, code) = self.may_send(device, command);
        if result != NOERROR {
            // At once, on the calling thread. (SDEV-SEND-04)
            self.end(command, automatic(code));
            return result;
        }
        let set = self.commands[command].set;
        if !self.lendable(set, command, 0) {
            // Other commands may carry anything; the client then sees null. (CMD-04)
            self.commands[command].buffer = None;
        }
        let last = self.commands.iter().map(|command| command.turn).max();
        self.commands[command].turn = last.unwrap_or(0) + 1;
        self.commands[command].outstanding = true;
        self.sets[set].devices[device].queue.push_back(command);
        NOERROR
    }

    fn may_send(&self, device: usize, command: usize) -> (i32, i32) {
        let Some(set) = self.server_device(device) else {
            return (VD_E_PROTOCOL, ERROR_INVALID_HANDLE);
        };
        let state = &self.sets[set].devices[device];
        if self.sets[set].phase == Phase::Aborted {
            return (VD_E_ABORT, ERROR_OPERATION_ABORTED);
        }
        if state.closed {
            return (VD_E_PROTOCOL, ERROR_INVALID_HANDLE);
        }
        let sent = &self.commands[command].sent;
        if state.server_failed && sent.code != VDC_ClearError {
            return (VD_E_IO_ERROR, ERROR_IO_DEVICE);
        }
        let outstanding = |command: &&Command| {
            command.set == set && command.device == device && command.outstanding
        };
        if self.commands.iter().filter(outstanding).count() >= CAPACITY {
            return (VD_E_QUEUE_FULL, ERROR_NO_SYSTEM_RESOURCES);
        }
        let fits = self.lendable(set, command, sent.size as u32);
        if moves_data(sent.code) && !fits {
            return (VD_E_INVALID, ERROR_INVALID_PARAMETER); // (AMB-28)
        }
        (NOERROR, ERROR_SUCCESS)
    }

    /// Whether the command has an allocated buffer of at least that size.
    fn lendable(&self, set: usize, command: usize, size: u32) -> bool {
        self.commands[command].buffer.is_some_and(|buffer| {
            let buffer = &self.buffers[buffer];
            buffer.set == set && buffer.allocated && size <= buffer.size
        })
    }

    pub(super) fn close_device(&mut self, device: usize) -> i32 {
        let Some(set) = self.server_device(device) else {
            return VD_E_PROTOCOL;
        };
        if self.sets[set].phase == Phase::Aborted {
            return VD_E_ABORT;
        }
        if std::mem::replace(&mut self.sets[set].devices[device].closed, true) {
            return VD_E_CLOSE;
        }
        self.end_normally(set);
        NOERROR
    }

    /// The set of a server device handle that is open.
    pub(crate) fn server_device(&self, device: usize) -> Option<usize> {
        let set = self.server.set.filter(|_| self.server.open)?;
        (device < self.sets[set].opened).then_some(set)
    }
}
