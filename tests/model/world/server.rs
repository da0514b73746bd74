//! Sections 10.3 and 14: the calls of the server's set.

use super::client::SERVER_FEATURES;
use super::{Buffer, Command, Kind, Phase, Server, World};
use crate::calls::{MALFORMED, Sent, ServerCall, Then};
use vdi::codes::*;

impl World {
    pub(super) fn server_call(&mut self, call: ServerCall) {
        let result = match call {
            ServerCall::Open => self.server_open(),
            ServerCall::SendCommand {
                device,
                what,
                times,
            } => {
                for _ in 0..times {
                    let command = self.new_command(device, what);
                    let result = self.send(device, command);
                    self.answer(result);
                }
                return;
            }
            ServerCall::CloseDevice { device } => self.close_device(device),
            ServerCall::SignalAbort => self.server_abort(),
            ServerCall::IsSharedBuffer { nth, off } => {
                self.outcome.number = Some(self.is_shared(nth, off).into());
                return;
            }
            _ => match self.server.set.filter(|_| self.server.open) {
                None => VD_E_PROTOCOL,
                Some(set) => self.open_server_call(set, call),
            },
        };
        self.answer(result);
    }

    fn server_open(&mut self) -> i32 {
        let Some(set) = self.named() else {
            return VD_E_INVALID;
        };
        let attached = self.server.open && self.server.set == Some(set);
        match self.sets[set].phase {
            Phase::Aborted => VD_E_ABORT,
            Phase::Created => {
                self.sets[set].phase = Phase::Connected;
                self.server = Server {
                    set: Some(set),
                    open: true,
                    ..Server::default()
                };
                NOERROR
            }
            // It serves one statement: after that there is nothing to open. (MOD-03)
            Phase::Terminated if !attached => VD_E_INVALID,
            _ => VD_E_BUSY,
        }
    }

    fn open_server_call(&mut self, set: usize, call: ServerCall) -> i32 {
        let phase = self.sets[set].phase;
        if !is_allowed(call, phase) {
            return if phase == Phase::Aborted {
                VD_E_ABORT
            } else {
                VD_E_PROTOCOL
            };
        }
        match call {
            ServerCall::GetConfiguration => {
                self.outcome.config = Some(self.sets[set].config);
                NOERROR
            }
            ServerCall::BeginConfiguration {
                features,
                block,
                alignment,
                transfer,
            } => self.begin(set, features, block, alignment, transfer),
            ServerCall::EndConfiguration => {
                self.sets[set].phase = Phase::Configured;
                NOERROR
            }
            ServerCall::ExecuteCompletionAgent => self.execute_agent(phase),
            ServerCall::OpenDevice { name } => self.server_open_device(set, name),
            ServerCall::AbortReason => {
                self.outcome.number = Some(self.sets[set].reason);
                NOERROR
            }
            ServerCall::Close => self.server_close(set),
            _ => self.buffer_call(set, call),
        }
    }

    fn buffer_call(&mut self, set: usize, call: ServerCall) -> i32 {
        match call {
            ServerCall::RequestBuffers {
                size,
                alignment,
                count,
            } => self.request(
                set,
                Kind {
                    size,
                    alignment,
                    count,
                },
            ),
            ServerCall::QueryAvailableBuffers { size, alignment } => {
                self.query(set, size, alignment)
            }
            ServerCall::AllocateBuffer { size, alignment } => self.allocate(set, size, alignment),
            ServerCall::FreeBuffer { nth, off } => self.free(set, nth, off),
            _ => unreachable!("answered before"),
        }
    }

    /// (CFG-60 to CFG-65, AMB-10, AMB-28)
    fn begin(
        &mut self,
        set: usize,
        features: u32,
        block: u32,
        alignment: u32,
        transfer: u32,
    ) -> i32 {
        let power = |value: u32, least| value.is_power_of_two() && (least..=65536).contains(&value);
        let fine = features & (VDF_WriteMedia | VDF_ReadMedia) != 0
            && power(block, 512)
            && (alignment == 0 || power(alignment, block))
            && transfer % 65536 == 0
            && (65536..=4 << 20).contains(&transfer);
        if !fine {
            return VD_E_NOTSUPPORTED;
        }
        let set = &mut self.sets[set];
        let config = &mut set.config;
        let mut added = features & SERVER_FEATURES;
        if config.features & VDF_RequestComplete == 0 {
            added &= !VDF_CompleteEnabled;
        }
        config.features |= added;
        config.block_size = block;
        config.alignment = config.alignment.max(alignment).max(block);
        config.max_transfer_size = transfer;
        config.max_io_depth = 4;
        set.phase = Phase::Configurable;
        NOERROR
    }

    /// The real alignment of a buffer. (SSET-REQBUF-02, AMB-28)
    fn alignment(&self, set: usize, size: u32, wish: u32) -> Option<u32> {
        let legal = wish == 0 || wish.is_power_of_two() && wish <= 65536;
        let size = (1..=i32::MAX as u32).contains(&size);
        (legal && size).then_some(wish.max(self.sets[set].config.alignment))
    }

    fn request(&mut self, set: usize, wish: Kind) -> i32 {
        let Some(alignment) = self.alignment(set, wish.size, wish.alignment) else {
            return VD_E_INVALID;
        };
        if wish.count == 0 {
            return VD_E_INVALID;
        }
        let kind = Kind { alignment, ..wish };
        if self.sets[set].phase == Phase::Configurable {
            self.sets[set].requested_bytes += kind.size * kind.count;
        }
        self.add_free(set, kind);
        NOERROR
    }

    fn add_free(&mut self, set: usize, kind: Kind) {
        let is_same =
            |other: &&mut Kind| (other.size, other.alignment) == (kind.size, kind.alignment);
        match self.sets[set].free.iter_mut().find(is_same) {
            Some(same) => same.count += kind.count,
            None => self.sets[set].free.push(kind),
        }
    }

    fn query(&mut self, set: usize, size: u32, alignment: u32) -> i32 {
        let Some(alignment) = self.alignment(set, size, alignment) else {
            return VD_E_INVALID;
        };
        let fitting = self.sets[set]
            .free
            .iter()
            .filter(|kind| kind.fits(size, alignment));
        self.outcome.number = Some(fitting.map(|kind| kind.count).sum());
        NOERROR
    }

    /// Of several kinds that fit the smallest is used up first. The specification does not say
    /// which; the answers of QueryAvailableBuffers depend on it.
    fn allocate(&mut self, set: usize, size: u32, alignment: u32) -> i32 {
        let Some(alignment) = self.alignment(set, size, alignment) else {
            return VD_E_INVALID;
        };
        let free = self.sets[set].free.iter_mut();
        let fitting = free.filter(|kind| kind.count > 0 && kind.fits(size, alignment));
        let Some(kind) = fitting.min_by_key(|kind| (kind.size, kind.alignment)) else {
            return VD_E_MEMORY;
        };
        kind.count -= 1;
        let kind = Kind { count: 1, ..*kind };
        self.buffers.push(Buffer {
            set,
            kind,
            size,
            allocated: true,
        });
        // The test looks at the alignment of the address.
        self.outcome.number = Some(alignment);
        NOERROR
    }

    /// The n-th buffer that the server has, counted from the one allocated last.
    pub(crate) fn buffer(&self, nth: usize) -> Option<usize> {
        let set = self.server.set.filter(|_| self.server.open)?;
        let has =
            |buffer: &usize| self.buffers[*buffer].set == set && self.buffers[*buffer].allocated;
        (0..self.buffers.len()).rev().filter(has).nth(nth)
    }

    fn free(&mut self, set: usize, nth: usize, off: i32) -> i32 {
        let Some(buffer) = self.buffer(nth) else {
            return VD_E_INVALID;
        };
        if off != 0 || self.in_use(buffer) {
            return VD_E_INVALID;
        }
        self.buffers[buffer].allocated = false;
        self.add_free(set, self.buffers[buffer].kind);
        NOERROR
    }

    /// Whether the address `off` bytes from the start of a buffer is in that buffer.
    fn is_shared(&self, nth: usize, off: i32) -> bool {
        let size = self.buffer(nth).map(|buffer| self.buffers[buffer].size);
        size.is_some_and(|size| (0..size as i32).contains(&off))
    }

    fn server_open_device(&mut self, set: usize, name: usize) -> i32 {
        let set = &mut self.sets[set];
        let index = set.opened;
        if index == set.devices.len() {
            return VD_E_OPEN;
        }
        let opened = &set.devices[..index];
        let used = opened.iter().any(|device| device.name == Some(name));
        if name == MALFORMED || used || (index == 0) != (name == 0) {
            return VD_E_INVALID; // (AMB-25, SSET-OPENDEV-04)
        }
        set.devices[index].name = Some(name);
        set.opened += 1;
        self.outcome.number = Some(index as u32);
        NOERROR
    }

    /// (AMB-08), with the note of decision 14.
    fn execute_agent(&mut self, phase: Phase) -> i32 {
        match phase {
            Phase::Connected | Phase::Configurable => VD_E_PROTOCOL,
            _ if self.server.agent_runs => VD_E_BUSY,
            Phase::Terminated if self.server.agent_ran => VD_E_PROTOCOL,
            _ => {
                self.server.agent_ran = true;
                self.server.agent_runs = true;
                NOERROR
            }
        }
    }

    pub(super) fn server_abort(&mut self) -> i32 {
        let Some(set) = self.server.set.filter(|_| self.server.open) else {
            return VD_E_PROTOCOL;
        };
        self.abort(set, VDI_ABORT_SERVER);
        NOERROR
    }

    /// (SSET-CLOSE-02, SSET-CLOSE-03, AMB-40), and decision 14 for a set without agent.
    fn server_close(&mut self, set: usize) -> i32 {
        self.server.open = false;
        if !self.server.agent_runs {
            self.take_completions(set);
            self.end_normally(set);
        }
        let state = &self.sets[set];
        let unfinished = !matches!(state.phase, Phase::Terminated | Phase::Aborted);
        let closed = state.devices.iter().filter(|device| device.closed).count();
        let open = unfinished && state.opened > closed;
        if unfinished {
            self.abort(set, VDI_ABORT_SERVER_CLOSED);
        }
        if self.server.agent_runs {
            self.on_agent = true;
            self.agent_leaves(&[NOERROR]);
        }
        self.end_all(set);
        self.on_agent = false;
        if open { VD_E_PROTOCOL } else { NOERROR }
    }

    /// Notes a command that is about to be sent, and the one that its routine may send.
    fn new_command(&mut self, device: usize, sent: Sent) -> usize {
        let number = self.commands.len();
        let buffer = sent.buffer.and_then(|nth| self.buffer(nth));
        let again = Sent {
            code: VDC_Flush,
            size: 0,
            buffer: None,
            then: Then::Return,
        };
        for (sent, buffer) in [(sent, buffer), (again, None)] {
            self.commands.push(Command {
                set: self.server.set.unwrap_or(0),
                device,
                sent,
                position: position_of(self.commands.len()),
                buffer,
                outstanding: false,
                turn: 0,
                active: false,
                holder: None,
            });
        }
        number
    }
}

/// Whether an open server may make the call in a phase of its set.
fn is_allowed(call: ServerCall, phase: Phase) -> bool {
    use Phase::{Aborted, Configurable, Configured, Connected, Terminated};
    match call {
        ServerCall::BeginConfiguration { .. } => phase == Connected,
        ServerCall::RequestBuffers { .. } | ServerCall::QueryAvailableBuffers { .. } => {
            matches!(phase, Configurable | Configured)
        }
        ServerCall::EndConfiguration => phase == Configurable,
        ServerCall::OpenDevice { .. } | ServerCall::AllocateBuffer { .. } => phase == Configured,
        ServerCall::GetConfiguration => phase != Aborted,
        ServerCall::FreeBuffer { .. } => matches!(phase, Configured | Terminated | Aborted),
        _ => true,
    }
}

/// A position by which a command is recognised.
fn position_of(command: usize) -> i64 {
    (command as i64 + 1) * 0x1_0000_0001 * if command % 4 == 0 { -1 } else { 1 }
}

impl Kind {
    fn fits(&self, size: u32, alignment: u32) -> bool {
        self.size >= size && self.alignment >= alignment
    }
}
