//! The specification as a small program: what every call answers and which callbacks it causes.
//!
//! Nothing here knows the library but its numbers. One `World` holds the participants and every set
//! that was created; `apply` makes one call and leaves in `outcome` all that can be seen of it.
//! The agent counts as infinitely fast: what a call makes it do is part of the call's outcome, and
//! the test waits for it. Where the specification leaves a race (AMB-50) the outcome says `either`.

mod client;
mod device;
mod server;

use crate::binding::VdConfig;
use crate::calls::{CLIENTS, Call, End, Sent, Then};
use std::collections::VecDeque;
use std::fmt;
use vdi::codes::*;

#[derive(Clone, Default)]
pub(crate) struct World {
    pub(crate) sets: Vec<Set>,
    pub(crate) clients: [Client; CLIENTS],
    pub(crate) server: Server,
    pub(crate) commands: Vec<Command>,
    pub(crate) buffers: Vec<Buffer>,
    /// The command behind every buffer handle that was given out.
    pub(crate) handles: Vec<usize>,
    /// Whether the callbacks that come now run on the agent's thread.
    on_agent: bool,
    pub(crate) outcome: Outcome,
}

/// A client's handle of a set: the last one, whether it is open or not.
#[derive(Clone, Default)]
pub(crate) struct Client {
    pub(crate) set: Option<usize>,
    pub(crate) open: bool,
    /// How often this participant has opened a set.
    pub(crate) life: usize,
    /// The device handles by device: the life in which each was opened.
    pub(crate) devices: [Option<usize>; crate::calls::DEVICES],
}

#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) set: Option<usize>,
    pub(crate) open: bool,
    pub(crate) agent_runs: bool,
    pub(crate) agent_ran: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    #[default]
    Created,
    Connected,
    Configurable,
    Configured,
    Terminated,
    Aborted,
}

#[derive(Clone, Default)]
pub(crate) struct Set {
    pub(crate) phase: Phase,
    pub(crate) config: VdConfig,
    /// Whether the name still leads to it: until the primary closes.
    pub(crate) has_name: bool,
    pub(crate) reason: u32,
    /// Buffers of each kind that were requested and are not allocated.
    pub(crate) free: Vec<Kind>,
    /// Data bytes requested during the configuration.
    pub(crate) requested_bytes: u32,
    pub(crate) devices: Vec<Device>,
    pub(crate) opened: usize,
    primary_left: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) size: u32,
    pub(crate) alignment: u32,
    pub(crate) count: u32,
}

#[derive(Clone, Default)]
pub(crate) struct Device {
    /// Known to clients as soon as the server has opened it; the first one's from the start.
    pub(crate) name: Option<usize>,
    pub(crate) closed: bool,
    /// The client that opened it, in that client's life.
    pub(crate) owner: Option<(usize, usize)>,
    /// Sent, and not taken by the client.
    pub(crate) queue: VecDeque<usize>,
    /// A ClearError that waits until the client has completed all that it has. (ERR-05)
    pub(crate) held: Option<usize>,
    /// With the client, in the order of fetching.
    pub(crate) active: Vec<usize>,
    /// Those of them that were there when the device entered the IO-ERROR state.
    pub(crate) old: Vec<usize>,
    /// Completed by the client, and not seen by an agent yet.
    pub(crate) recorded: VecDeque<(usize, End)>,
    /// The IO-ERROR state as the client and as the server knows it.
    pub(crate) client_failed: bool,
    pub(crate) server_failed: bool,
    /// VD_E_CLOSE was returned.
    pub(crate) ended: bool,
    /// A command that was completed.
    pub(crate) completed: Option<usize>,
}

#[derive(Clone)]
pub(crate) struct Command {
    pub(crate) set: usize,
    pub(crate) device: usize,
    pub(crate) sent: Sent,
    pub(crate) position: i64,
    pub(crate) buffer: Option<usize>,
    /// Sent, and its routine not called yet.
    pub(crate) outstanding: bool,
    /// Its place in the order of sending.
    turn: usize,
    /// With the client.
    pub(crate) active: bool,
    /// The one who fetched it, in that client's life.
    pub(crate) holder: Option<(usize, usize)>,
}

#[derive(Clone)]
pub(crate) struct Buffer {
    pub(crate) set: usize,
    pub(crate) kind: Kind,
    pub(crate) size: u32,
    pub(crate) allocated: bool,
}

/// What can be seen of one call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) results: Vec<i32>,
    pub(crate) config: Option<VdConfig>,
    /// The command that GetCommand delivered.
    pub(crate) command: Option<usize>,
    /// The device that was opened, the number of buffers, the reason, the truth value.
    pub(crate) number: Option<u32>,
    pub(crate) callbacks: Vec<Callback>,
    /// The results of the calls that routines made.
    pub(crate) nested: Vec<i32>,
    /// What the agent returns when this makes it leave.
    pub(crate) agent: Option<Vec<i32>>,
}

/// The call of a completion routine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Callback {
    pub(crate) command: usize,
    pub(crate) end: End,
    pub(crate) on_agent: bool,
    /// The abort may have been quicker: then it is an aborted one. (AMB-50)
    pub(crate) either: bool,
}

/// A completion that the library makes: no bytes, no position. (SDEV-SEND-08)
pub(crate) fn automatic(code: i32) -> End {
    End {
        code,
        bytes: 0,
        position: 0,
    }
}

pub(crate) fn moves_data(code: i32) -> bool {
    code == VDC_Read || code == VDC_Write
}

impl World {
    /// Makes one call.
    pub(crate) fn apply(&mut self, call: &Call) {
        self.outcome = Outcome::default();
        match *call {
            Call::Server(call) => self.server_call(call),
            call => self.client_call(call),
        }
        self.agent_works();
    }

    fn answer(&mut self, result: i32) {
        self.outcome.results.push(result);
    }

    /// The set that has the name.
    pub(crate) fn named(&self) -> Option<usize> {
        self.sets.iter().position(|set| set.has_name)
    }

    /// Whether another command that has not ended holds the buffer.
    pub(crate) fn in_use(&self, buffer: usize) -> bool {
        let holds = |command: &Command| command.outstanding && command.buffer == Some(buffer);
        self.commands.iter().any(holds)
    }

    /// One-way, and the first reason stays. (ST-41)
    fn abort(&mut self, set: usize, reason: u32) {
        if self.sets[set].phase != Phase::Aborted {
            self.sets[set].phase = Phase::Aborted;
            self.sets[set].reason = reason;
        }
    }

    /// The routine of a command is called, once and never again. (SSET-AGENT-09)
    fn end(&mut self, command: usize, end: End) {
        let on_agent = self.on_agent;
        self.commands[command].outstanding = false;
        self.outcome.callbacks.push(Callback {
            command,
            end,
            on_agent,
            either: false,
        });
        if end.code == ERROR_SUCCESS {
            self.run_routine(command);
        }
    }

    /// The calls that a routine makes. (SSET-AGENT-10)
    fn run_routine(&mut self, command: usize) {
        let device = self.commands[command].device;
        let result = match self.commands[command].sent.then {
            Then::Return => return,
            Then::SendAgain => self.send(device, command + 1),
            Then::CloseDevice => self.close_device(device),
            Then::SignalAbort => self.server_abort(),
        };
        self.outcome.nested.push(result);
    }

    /// Every outstanding command ends as aborted, in the order of sending. (ABT-08)
    fn end_all(&mut self, set: usize) {
        let owed = |&command: &usize| {
            self.commands[command].set == set && self.commands[command].outstanding
        };
        let mut owed: Vec<_> = (0..self.commands.len()).filter(owed).collect();
        owed.sort_by_key(|command| self.commands[*command].turn);
        for command in owed {
            self.end(command, automatic(ERROR_OPERATION_ABORTED));
        }
        for device in &mut self.sets[set].devices {
            device.recorded.clear();
        }
    }

    /// Calls the routines of what the client has completed, unless the set is aborted: then the
    /// completions are ignored. (SSET-AGENT-05)
    fn take_completions(&mut self, set: usize) {
        for device in 0..self.sets[set].devices.len() {
            while self.sets[set].phase == Phase::Configured {
                let Some((command, end)) = self.sets[set].devices[device].recorded.pop_front()
                else {
                    break;
                };
                let clears = self.commands[command].sent.code == VDC_ClearError;
                let state = &mut self.sets[set].devices[device].server_failed;
                match end.code {
                    ERROR_SUCCESS if clears => *state = false,
                    ERROR_SUCCESS => {}
                    _ => *state |= !clears,
                }
                self.end(command, end);
            }
        }
    }

    /// All devices closed and nothing outstanding: the normal end. (NT-03, AMB-08)
    fn end_normally(&mut self, set: usize) {
        let owed = |command: &Command| command.set == set && command.outstanding;
        let owed = self.commands.iter().any(owed);
        let set = &mut self.sets[set];
        if set.phase == Phase::Configured && !owed && set.devices.iter().all(|d| d.closed) {
            set.phase = Phase::Terminated;
        }
    }

    /// All that the agent does until it sleeps again or leaves. (AMB-08)
    fn agent_works(&mut self) {
        let (true, Some(set)) = (self.server.agent_runs, self.server.set) else {
            return;
        };
        self.on_agent = true;
        self.take_completions(set);
        self.end_normally(set);
        if self.sets[set].phase == Phase::Configured && self.sets[set].primary_left {
            // Nobody is left who could complete the rest. (AMB-04)
            self.abort(set, VDI_ABORT_CLIENT_CLOSED);
        }
        match self.sets[set].phase {
            Phase::Aborted => {
                self.end_all(set);
                self.agent_leaves(&[VD_E_ABORT]);
            }
            Phase::Terminated => self.agent_leaves(&[NOERROR]),
            _ => {}
        }
        self.on_agent = false;
    }

    fn agent_leaves(&mut self, results: &[i32]) {
        self.server.agent_runs = false;
        self.outcome.agent = Some(results.to_vec());
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing open")
    }
}
