//! The library, driven by the same calls as the model and compared with it after each.

mod client;
mod server;

use crate::agent::{Agent, FAILED, Seen, Shared};
use crate::binding::*;
use crate::calls::{CLIENTS, Call, DEVICES, MALFORMED, NAMES};
use crate::world::{Callback, World, automatic};
use std::ffi::{CStr, CString, c_char};
use std::panic::resume_unwind;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use vdi::codes::*;

/// An address that is nobody's, and looks aligned.
const NOWHERE: usize = 0x10;

pub(crate) struct Library {
    names: [CString; NAMES],
    sets: [Handle; CLIENTS],
    devices: [[Handle; DEVICES]; CLIENTS],
    server: Handle,
    server_devices: [Handle; DEVICES],
    shared: Arc<Shared>,
    /// By command: what the client got.
    fetched: Vec<(usize, *const VdcCommand, *mut u8)>,
    buffers: Vec<*mut u8>,
    handles: Vec<u32>,
    agent: Option<Agent>,
    /// The buffer area size of each set, once somebody was told.
    area_sizes: Vec<(usize, u32)>,
    journal: Vec<String>,
}

fn config() -> VdConfig {
    VdConfig {
        device_count: 0xdead,
        ..VdConfig::default()
    }
}

impl Library {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let set = format!("m{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let name = |index| match index {
            0 => set.clone(),
            MALFORMED => format!("{set}\\"),
            _ => format!("{set}{index}"),
        };
        Self {
            names: std::array::from_fn(|index| CString::new(name(index)).unwrap()),
            sets: [null_mut(); CLIENTS],
            devices: [[null_mut(); DEVICES]; CLIENTS],
            server: NOWHERE as Handle,
            server_devices: [null_mut(); DEVICES],
            shared: Arc::default(),
            fetched: Vec::new(),
            buffers: Vec::new(),
            handles: Vec::new(),
            agent: None,
            area_sizes: Vec::new(),
            journal: Vec::new(),
        }
    }

    /// Makes a call and compares all that can be seen of it with the model.
    pub(crate) fn perform(&mut self, call: &Call, before: &World, world: &World) {
        self.journal.push(format!("{call:?}"));

        let mut results = match *call {
            Call::Server(call) => self.server_call(call, before, world),
            _ => vec![self.client_call(*call, before, world)],
        };
        if let Call::CompleteAndAbort { client, .. } = *call {
            results.push(signal_abort(self.sets[client]));
        }
        let shown: Vec<_> = results.iter().map(|result| name_of(*result)).collect();
        self.note(&format!("-> {}", shown.join(", ")));
        if results != world.outcome.results {
            let wanted = world.outcome.results.iter().map(|result| name_of(*result));
            let wanted = wanted.collect::<Vec<_>>().join(", ");
            let text = match results.iter().any(|result| *result < 0) {
                true => last_error(),
                false => String::new(),
            };
            self.fail(&format!("the model says {wanted}. {text}"));
        }
        self.compare_callbacks(world);
        self.compare_agent(world);
    }

    fn note(&mut self, text: &str) {
        if let Some(line) = self.journal.last_mut() {
            line.push(' ');
            line.push_str(text);
        }
    }

    fn fail(&self, why: &str) -> ! {
        FAILED.store(true, Ordering::Relaxed);
        let lines = self.journal.iter().enumerate();
        let lines: Vec<_> = lines
            .map(|(n, line)| format!("{:3}. {line}", n + 1))
            .collect();
        // Not a panic, which would report every attempt to shorten the sequence.
        resume_unwind(Box::new(format!("{why}\n{}", lines.join("\n"))));
    }

    fn check(&self, holds: bool, what: &str) {
        if !holds {
            self.fail(what);
        }
    }

    fn name(&self, index: usize) -> &CStr {
        &self.names[index]
    }

    /// All fields as the model says; of the size of the area it knows only the least.
    fn compare_config(&mut self, set: Option<usize>, config: VdConfig, world: &World) {
        let Some(wanted) = world.outcome.config else {
            return self.check(config == self::config(), "the configuration was changed");
        };
        let (area, set) = (config.buffer_area_size, set.unwrap_or(0));
        let shown = VdConfig {
            buffer_area_size: 0,
            ..config
        };
        self.check(
            shown == wanted,
            &format!("configuration {shown:?}, not {wanted:?}"),
        );
        if world.sets[set].phase <= crate::world::Phase::Configurable {
            return self.check(area == 0, "an area before the end of the configuration");
        }
        self.check(
            area >= world.sets[set].requested_bytes,
            "the area is too small",
        );
        match self.area_sizes.iter().find(|(known, _)| *known == set) {
            Some((_, known)) => self.check(area == *known, "the area size has changed"),
            None => self.area_sizes.push((set, area)),
        }
    }

    /// The abort reason, asked by a call that writes code and text.
    fn reason(&self, world: &World, call: impl FnOnce(&mut u32, &mut [c_char]) -> i32) -> i32 {
        let mut code = 0xdead;
        let result = call(&mut code, &mut [0x55; 256]);
        if let Some(wanted) = world.outcome.number {
            self.check(code == wanted, &format!("reason {code}, not {wanted}"));
        }
        result
    }

    /// Waits for the callbacks that the model predicts; there must be no others.
    fn compare_callbacks(&mut self, world: &World) {
        let outcome = &world.outcome;
        let (seen, nested) = self
            .shared
            .wait_for(outcome.callbacks.len(), outcome.nested.len());
        let show = |list: &[Seen]| {
            let list = list.iter().map(|c| format!("{}:{}", c.command, c.end.code));
            list.collect::<Vec<_>>().join(" ")
        };
        self.note(&format!("callbacks [{}]", show(&seen)));
        let either = outcome.callbacks.iter().any(|callback| callback.either);
        for device in 0..DEVICES {
            let is_here = |command: usize| world.commands[command].device == device;
            let mut wanted: Vec<_> = outcome
                .callbacks
                .iter()
                .filter(|c| is_here(c.command))
                .collect();
            let mut got: Vec<_> = seen.iter().filter(|c| is_here(c.command)).collect();
            if either {
                wanted.sort_by_key(|callback| callback.command);
                got.sort_by_key(|callback| callback.command);
            }
            let fits = wanted.len() == got.len()
                && wanted
                    .iter()
                    .zip(&got)
                    .all(|(wanted, got)| fits(wanted, got));
            if !fits {
                self.fail(&format!(
                    "device {device}: got {got:?}\nthe model says {wanted:?}"
                ));
            }
        }
        self.check(
            nested == outcome.nested,
            "the calls of the routines ended otherwise",
        );
    }

    fn compare_agent(&mut self, world: &World) {
        let Some(wanted) = &world.outcome.agent else {
            return;
        };
        let result = self.agent.take().and_then(|agent| agent.result());
        match result {
            None => self.fail("the agent does not return"),
            Some(result) => {
                self.note(&format!("the agent returns {}", name_of(result)));
                self.check(wanted.contains(&result), "the agent returns something else");
            }
        }
        let quiet = self.shared.wait_for(0, 0);
        self.check(
            quiet.0.is_empty() && quiet.1.is_empty(),
            "a callback too many",
        );
    }
}

fn fits(wanted: &Callback, got: &Seen) -> bool {
    let aborted = automatic(ERROR_OPERATION_ABORTED);
    wanted.command == got.command
        && wanted.on_agent == got.on_agent
        && (wanted.end == got.end || wanted.either && got.end == aborted)
}

impl Drop for Library {
    /// After a failure: nothing stays open, whatever the model thought.
    fn drop(&mut self) {
        vdi_server_close(self.server);
        for set in self.sets {
            vdi_close(set);
        }
        if let Some(agent) = self.agent.take() {
            agent.result();
        }
    }
}
