//! The calls of the client's sets and devices.

use super::{Library, NOWHERE, config};
use crate::agent::patience;
use crate::binding::*;
use crate::calls::{Call, End, Which};
use crate::world::World;
use std::ptr::{null, null_mut};
use vdi::codes::*;

impl Library {
    pub(super) fn client_call(&mut self, call: Call, before: &World, world: &World) -> i32 {
        match call {
            Call::Create(inputs) => self.create(&inputs),
            Call::OpenInSecondary { client } => {
                let mut set = NOWHERE as Handle;
                let result = open_in_secondary(self.name(0), &mut set);
                self.keep_set(client, set, result)
            }
            Call::GetConfiguration { client } => self.get_configuration(client, world),
            Call::OpenDevice { client, name } => self.open_device(client, name, world),
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
            Call::SignalAbort { client } => signal_abort(self.sets[client]),
            Call::AbortReason { client } => self.reason(world, |code, text| {
                abort_reason(self.sets[client], code, text)
            }),
            Call::Close { client } => vdi_close(self.sets[client]),
            Call::Server(_) => unreachable!("not a client's call"),
        }
    }

    fn create(&mut self, inputs: &VdConfig) -> i32 {
        let options = CreateOptions {
            size: size_of::<CreateOptions>() as u32,
            name_wait: 1,
            ..CreateOptions::default()
        };
        let mut set = NOWHERE as Handle;
        let result = create(self.name(0), inputs, &options, &mut set);
        self.keep_set(0, set, result)
    }

    fn keep_set(&mut self, client: usize, set: Handle, result: i32) -> i32 {
        self.check((result == NOERROR) != set.is_null(), "the set is null");
        if result == NOERROR {
            self.sets[client] = set;
        }
        result
    }

    fn get_configuration(&mut self, client: usize, world: &World) -> i32 {
        let mut config = config();
        let result = vdi_get_configuration(self.sets[client], 0, &mut config);
        self.compare_config(world.clients[client].set, config, world);
        result
    }

    fn open_device(&mut self, client: usize, name: usize, world: &World) -> i32 {
        let mut device = NOWHERE as Handle;
        let name = self.name(name);
        let result = open_device(self.sets[client], name, &mut device);
        self.check(
            (result == NOERROR) != device.is_null(),
            "the device is null",
        );
        if let (NOERROR, Some(index)) = (result, world.outcome.number) {
            self.devices[client][index as usize] = device;
        }
        result
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
        let result = vdi_get_command(device, timeout, &mut command);
        if result != NOERROR {
            self.check(command.is_null(), "the command is not null");
            return result;
        }
        // SAFETY: valid until the command is completed. (STRUCT-05)
        let values = unsafe { command.read() };
        self.note(&format!(
            "code {} position {:#x}",
            values.code, values.position
        ));
        let Some(number) = world.outcome.command else {
            return result;
        };
        self.compare_command(number, values, world);
        self.fetched.push((number, command, values.buffer));
        result
    }

    /// Values and memory of a command as the server has sent it.
    fn compare_command(&self, number: usize, values: VdcCommand, world: &World) {
        let wanted = &world.commands[number];
        let same = values.code == wanted.sent.code
            && values.size == wanted.sent.size
            && values.position == wanted.position
            && values.buffer.is_null() == wanted.buffer.is_none();
        self.check(same, &format!("not the command {:?}", wanted.sent));
        let Some(buffer) = wanted.buffer else { return };
        let alignment = world.buffers[buffer].kind.alignment as usize;
        let aligned = values.buffer.addr() % alignment == 0;
        self.check(aligned, "the buffer is not aligned");
        let token = peek(values.buffer);
        self.check(
            token == number as u8,
            "not the memory that the server wrote",
        );
        // The prefix zone is the client's.
        let prefix = world.sets[wanted.set].config.prefix_zone_size as usize;
        fill(values.buffer.wrapping_sub(prefix), 0xee, prefix);
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
        vdi_complete_command(device, command, end.code, end.bytes, end.position)
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
        let result = vdi_get_buffer_handle(self.sets[client], address, &mut handle);
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
        let result = vdi_map_buffer_handle(self.sets[client], handle, &mut address);
        self.check(
            (result == NOERROR) != address.is_null(),
            "the address is null",
        );
        let Some(number) = world.outcome.command.filter(|_| result == NOERROR) else {
            return result;
        };
        if world.holder_of(&world.commands[number]).is_some() {
            let original = self.pointer(number).1;
            let token = peek(original).wrapping_add(1);
            fill(address, token, 1);
            self.check(peek(original) == token, "not the same memory");
            fill(address, token.wrapping_sub(1), 1);
        }
        result
    }
}
