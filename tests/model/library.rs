//! The library, driven by the same calls as the model and compared with it after each.

use crate::agent::{Agent, FAILED, Record, Seen, Shared, patience};
use crate::binding::*;
use crate::calls::{CLIENTS, Call, DEVICES, End, MALFORMED, NAMES, Sent, ServerCall, Which};
use crate::world::{Callback, World, automatic};
use std::ffi::{CStr, CString, c_char};
use std::panic::resume_unwind;
use std::ptr::{null, null_mut};
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
            results.push(unsafe { vdi_signal_abort(self.sets[client], null()) });
        }
        let shown: Vec<_> = results.iter().map(|result| name_of(*result)).collect();
        self.note(&format!("-> {}", shown.join(", ")));
        if results != world.outcome.results {
            let wanted: Vec<_> = world
                .outcome
                .results
                .iter()
                .map(|result| name_of(*result))
                .collect();
            self.fail(&format!(
                "the model says {}; {}",
                wanted.join(", "),
                last_error()
            ));
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

    fn client_call(&mut self, call: Call, before: &World, world: &World) -> i32 {
        match call {
            Call::Create(inputs) => self.create(&inputs),
            Call::OpenInSecondary { client } => {
                let mut set = NOWHERE as Handle;
                let result = unsafe { vdi_open_in_secondary(null(), self.name(0), &mut set) };
                self.keep_set(client, set, result)
            }
            Call::GetConfiguration { client } => {
                let mut config = config();
                let result = unsafe { vdi_get_configuration(self.sets[client], 0, &mut config) };
                self.compare_config(world.clients[client].set, config, world);
                result
            }
            Call::OpenDevice { client, name } => {
                let mut device = NOWHERE as Handle;
                let name = self.name(name);
                let result = unsafe { vdi_open_device(self.sets[client], name, &mut device) };
                self.check(
                    (result == NOERROR) != device.is_null(),
                    "the device is null",
                );
                if let (NOERROR, Some(index)) = (result, world.outcome.number) {
                    self.devices[client][index as usize] = device;
                }
                result
            }
            Call::GetCommand { client, device } => self.get_command(client, device, world),
            Call::CompleteCommand {
                client,
                device,
                which,
                end,
            } => self.complete(client, device, which, end, before),
            Call::CompleteAndAbort {
                client,
                device,
                end,
            } => self.complete(client, device, Which::Active(0), end, before),
            Call::GetBufferHandle {
                client,
                device,
                which,
            } => self.get_buffer_handle(client, device, which, before, world),
            Call::MapBufferHandle { client, handle } => self.map(client, handle, world),
            Call::SignalAbort { client } => unsafe {
                vdi_signal_abort(self.sets[client], c"a test".as_ptr())
            },
            Call::AbortReason { client } => {
                let set = self.sets[client];
                self.reason(world, |code, text, size| unsafe {
                    vdi_abort_reason(set, code, text, size)
                })
            }
            Call::Close { client } => unsafe { vdi_close(self.sets[client]) },
            Call::Server(_) => unreachable!("not a client's call"),
        }
    }

    fn name(&self, index: usize) -> *const c_char {
        self.names[index].as_ptr()
    }

    fn create(&mut self, inputs: &VdConfig) -> i32 {
        let options = CreateOptions {
            size: size_of::<CreateOptions>() as u32,
            name_wait: 1,
            ..CreateOptions::default()
        };
        let mut set = NOWHERE as Handle;
        let result = unsafe { vdi_create(null(), self.name(0), inputs, &options, &mut set) };
        self.keep_set(0, set, result)
    }

    fn keep_set(&mut self, client: usize, set: Handle, result: i32) -> i32 {
        self.check((result == NOERROR) != set.is_null(), "the set is null");
        if result == NOERROR {
            self.sets[client] = set;
        }
        result
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

    fn get_command(&mut self, client: usize, device: usize, world: &World) -> i32 {
        let mut command = NOWHERE as *const VdcCommand;
        // The memory of a new buffer may still be on its way: then a poll finds nothing yet.
        let timeout = match world.outcome.command {
            Some(number) if world.commands[number].buffer.is_some() => {
                patience().as_millis() as u32
            }
            _ => 0,
        };
        let device = self.devices[client][device];
        let result = unsafe { vdi_get_command(device, timeout, &mut command) };
        if result != NOERROR {
            self.check(command.is_null(), "the command is not null");
            return result;
        }
        let values = unsafe { command.read() };
        self.note(&format!(
            "code {} position {:#x}",
            values.code, values.position
        ));
        let Some(number) = world.outcome.command else {
            return result;
        };
        let wanted = &world.commands[number];
        let same = values.code == wanted.sent.code
            && values.size == wanted.sent.size
            && values.position == wanted.position
            && values.buffer.is_null() == wanted.buffer.is_none();
        self.check(same, &format!("not the command {:?}", wanted.sent));
        if let Some(buffer) = wanted.buffer {
            let alignment = world.buffers[buffer].kind.alignment as usize;
            self.check(
                values.buffer.addr() % alignment == 0,
                "the buffer is not aligned",
            );
            let token = unsafe { values.buffer.cast::<u8>().read() };
            self.check(
                token == number as u8,
                "not the memory that the server wrote",
            );
            // The prefix zone is the client's.
            let prefix = world.sets[wanted.set].config.prefix_zone_size as usize;
            unsafe { values.buffer.wrapping_sub(prefix).write_bytes(0xee, prefix) };
        }
        self.fetched.push((number, command, values.buffer));
        result
    }

    fn pointer(&self, number: usize) -> (*const VdcCommand, *mut u8) {
        let fetched = self.fetched.iter().find(|(fetched, ..)| *fetched == number);
        fetched.map_or((null(), null_mut()), |(_, command, buffer)| {
            (*command, *buffer)
        })
    }

    fn complete(
        &mut self,
        client: usize,
        device: usize,
        which: Which,
        end: End,
        before: &World,
    ) -> i32 {
        let set = before.clients[client].set;
        let devices = set.map_or(0, |set| before.sets[set].devices.len());
        let mut command = null();
        if let Some(set) = set.filter(|_| device < devices) {
            let picked = before.pick(set, device, which);
            command = picked.map_or(null(), |number| self.pointer(number).0);
            let active = &before.sets[set].devices[device].active;
            let is_used = |number: &usize| self.pointer(*number).0 == command;
            if which == Which::Completed && active.iter().any(is_used) {
                // The structure of a completed command serves another one by now.
                command = null();
            }
        }
        let device = self.devices[client][device];
        unsafe { vdi_complete_command(device, command, end.code, end.bytes, end.position) }
    }

    fn get_buffer_handle(
        &mut self,
        client: usize,
        device: usize,
        which: Which,
        before: &World,
        world: &World,
    ) -> i32 {
        let set = before.set_of(client);
        let set = set.filter(|set| device < before.sets[*set].devices.len());
        let number = set.and_then(|set| before.pick(set, device, which));
        let own =
            number.filter(|number| before.holder_of(&before.commands[*number]) == Some(client));
        let mut address = own.map_or(null_mut(), |number| self.pointer(number).1);
        if address.is_null() {
            address = NOWHERE as *mut u8;
        }
        let mut handle = 0xdead;
        let result = unsafe { vdi_get_buffer_handle(self.sets[client], address, &mut handle) };
        self.check(
            (result == NOERROR) == (handle != 0),
            "handle and result differ",
        );
        if result != NOERROR || world.handles.len() == before.handles.len() {
            return result;
        }
        let command = world.handles[before.handles.len()];
        for (other, known) in before.handles.iter().zip(&self.handles) {
            let same = (*other == command) == (*known == handle);
            // Handles of ended sets may look alike.
            let here = before.commands[*other].set == before.commands[command].set;
            self.check(same || !here, "each command has one handle of its own");
        }
        self.handles.push(handle);
        result
    }

    fn map(&mut self, client: usize, handle: usize, world: &World) -> i32 {
        let handle = self.handles.get(handle).copied().unwrap_or(handle as u32);
        let mut address = NOWHERE as *mut u8;
        let result = unsafe { vdi_map_buffer_handle(self.sets[client], handle, &mut address) };
        self.check(
            (result == NOERROR) != address.is_null(),
            "the address is null",
        );
        let Some(number) = world.outcome.command.filter(|_| result == NOERROR) else {
            return result;
        };
        if world.holder_of(&world.commands[number]).is_some() {
            let original = self.pointer(number).1;
            let token = unsafe { original.read() }.wrapping_add(1);
            unsafe { address.write(token) };
            self.check(unsafe { original.read() } == token, "not the same memory");
            unsafe { address.write(token.wrapping_sub(1)) };
        }
        result
    }

    fn reason(&self, world: &World, call: impl FnOnce(*mut u32, *mut c_char, usize) -> i32) -> i32 {
        let (mut code, mut text) = (0xdead, [0x55; 256]);
        let result = call(&mut code, text.as_mut_ptr(), text.len());
        if let Some(wanted) = world.outcome.number {
            self.check(code == wanted, &format!("reason {code}, not {wanted}"));
        }
        result
    }

    fn server_call(&mut self, call: ServerCall, before: &World, world: &World) -> Vec<i32> {
        let server = self.server;
        vec![match call {
            ServerCall::Open => {
                let mut set = NOWHERE as Handle;
                let result = unsafe { vdi_server_open(null(), self.name(0), &mut set) };
                self.check((result == NOERROR) != set.is_null(), "the server is null");
                if result == NOERROR {
                    self.server = set;
                    self.server_devices = [null_mut(); DEVICES];
                }
                result
            }
            ServerCall::GetConfiguration => {
                let mut config = config();
                let result = unsafe { vdi_server_get_configuration(server, &mut config) };
                self.compare_config(world.server.set, config, world);
                result
            }
            ServerCall::BeginConfiguration {
                features,
                block,
                alignment,
                transfer,
            } => {
                let parameters = ServerParameters {
                    size: size_of::<ServerParameters>() as u32,
                    features,
                    block_size: block,
                    alignment,
                    max_transfer_size: transfer,
                    ..ServerParameters::default()
                };
                unsafe { vdi_server_begin_configuration(server, &parameters) }
            }
            ServerCall::RequestBuffers {
                size,
                alignment,
                count,
            } => unsafe { vdi_server_request_buffers(server, size, alignment, count) },
            ServerCall::QueryAvailableBuffers { size, alignment } => {
                let mut count = 0xdead;
                let result = unsafe {
                    vdi_server_query_available_buffers(server, size, alignment, &mut count)
                };
                let wanted = world.outcome.number.unwrap_or(0);
                self.check(count == wanted, &format!("{count} buffers, not {wanted}"));
                result
            }
            ServerCall::EndConfiguration => unsafe { vdi_server_end_configuration(server) },
            ServerCall::ExecuteCompletionAgent => self.execute_agent(world),
            ServerCall::OpenDevice { name } => {
                let mut device = NOWHERE as Handle;
                let result =
                    unsafe { vdi_server_open_device(server, self.name(name), &mut device) };
                self.check(
                    (result == NOERROR) != device.is_null(),
                    "the device is null",
                );
                if let (NOERROR, Some(index)) = (result, world.outcome.number) {
                    self.server_devices[index as usize] = device;
                }
                result
            }
            ServerCall::AllocateBuffer { size, alignment } => {
                self.allocate(size, alignment, before, world)
            }
            ServerCall::FreeBuffer { nth, off } => {
                let (address, size) = self.buffer(before, nth);
                let size = size.wrapping_add_signed(off);
                unsafe { vdi_server_free_buffer(server, address, size) }
            }
            ServerCall::IsSharedBuffer { nth, off } => {
                self.is_shared(nth, off, before, world);
                return Vec::new();
            }
            ServerCall::SendCommand {
                device,
                what,
                times,
            } => {
                return self.send(device, what, times, before, world);
            }
            ServerCall::CloseDevice { device } => unsafe {
                vdi_server_close_device(self.server_devices[device])
            },
            ServerCall::SignalAbort => unsafe { vdi_server_signal_abort(server, null()) },
            ServerCall::AbortReason => self.reason(world, |code, text, size| unsafe {
                vdi_server_abort_reason(server, code, text, size)
            }),
            ServerCall::Close => unsafe { vdi_server_close(server) },
        }]
    }

    fn buffer(&self, world: &World, nth: usize) -> (*mut u8, u32) {
        let number = world.buffer(nth);
        number.map_or((NOWHERE as *mut u8, 512), |number| {
            (self.buffers[number], world.buffers[number].size)
        })
    }

    fn allocate(&mut self, size: u32, alignment: u32, before: &World, world: &World) -> i32 {
        let mut buffer = NOWHERE as *mut u8;
        let result =
            unsafe { vdi_server_allocate_buffer(self.server, size, alignment, &mut buffer) };
        self.check(
            (result == NOERROR) != buffer.is_null(),
            "the buffer is null",
        );
        if let (NOERROR, Some(alignment)) = (result, world.outcome.number) {
            let aligned = buffer.addr() % alignment as usize == 0;
            self.check(aligned, "the buffer is not aligned");
            let prefix = world.sets[world.server.set.unwrap_or(0)]
                .config
                .prefix_zone_size;
            for (other, address) in before.buffers.iter().zip(&self.buffers) {
                let apart = buffer.addr() >= address.addr() + (other.size + prefix) as usize
                    || address.addr() >= buffer.addr() + (size + prefix) as usize;
                let live = other.allocated && Some(other.set) == world.server.set;
                self.check(apart || !live, "two buffers overlap");
            }
            unsafe { buffer.write_bytes(0x99, size as usize) };
            self.buffers.push(buffer);
        }
        result
    }

    fn is_shared(&mut self, nth: usize, off: i32, before: &World, world: &World) {
        let (start, _) = self.buffer(before, nth);
        let address = start.wrapping_offset(off as isize);
        let live = before.buffers.iter().zip(&self.buffers);
        let elsewhere = before.server.open
            && live.into_iter().any(|(buffer, start)| {
                buffer.allocated
                    && Some(buffer.set) == before.server.set
                    && (start.addr()..start.addr() + buffer.size as usize).contains(&address.addr())
            });
        let wanted = i32::from(elsewhere || world.outcome.number == Some(1));
        let answer = unsafe { vdi_server_is_shared_buffer(self.server, address) };
        self.check(answer == wanted, &format!("IsSharedBuffer says {answer}"));
    }

    fn send(
        &mut self,
        device: usize,
        what: Sent,
        times: usize,
        before: &World,
        world: &World,
    ) -> Vec<i32> {
        let device = self.server_devices[device];
        let first = before.commands.len();
        let number = what.buffer.and_then(|nth| before.buffer(nth));
        let buffer = number.map_or(null_mut(), |number| self.buffers[number]);
        let exists = number.is_some_and(|number| before.buffers[number].allocated);
        if exists && before.server.open {
            unsafe { buffer.write(first as u8) };
        }
        let send = |n| {
            let command = first + 2 * n;
            let record = Record::new(&self.shared, world, command, buffer, device, self.server);
            unsafe { vdi_server_send_command(device, Shared::keep(&self.shared, record)) }
        };
        (0..times).map(send).collect()
    }

    fn execute_agent(&mut self, world: &World) -> i32 {
        if world.outcome.results != [NOERROR] {
            // Refused at once, so that it can be called here.
            return unsafe { vdi_server_execute_completion_agent(self.server) };
        }
        let agent = Agent::start(self.server, &self.shared);
        if !agent.entered() {
            self.agent = Some(agent);
            self.fail("the agent has not come to rest");
        }
        self.agent = Some(agent);
        NOERROR
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

pub(crate) fn name_of(result: i32) -> String {
    let name = unsafe { CStr::from_ptr(vdi_result_name(result)) };
    name.to_string_lossy().into_owned()
}

fn last_error() -> String {
    let text = unsafe { CStr::from_ptr(vdi_last_error_message()) };
    text.to_string_lossy().into_owned()
}

impl Drop for Library {
    /// After a failure: nothing stays open, whatever the model thought.
    fn drop(&mut self) {
        unsafe { vdi_server_close(self.server) };
        for set in self.sets {
            unsafe { vdi_close(set) };
        }
        if let Some(agent) = self.agent.take() {
            agent.result();
        }
    }
}
