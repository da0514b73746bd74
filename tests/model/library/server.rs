//! The calls of the server's set and devices.

use super::{Library, NOWHERE, config};
use crate::agent::{Agent, Record, Shared};
use crate::binding::*;
use crate::calls::{DEVICES, Sent, ServerCall};
use crate::world::World;
use std::ptr::null_mut;
use vdi::codes::*;

impl Library {
    pub(super) fn server_call(
        &mut self,
        call: ServerCall,
        before: &World,
        world: &World,
    ) -> Vec<i32> {
        match call {
            ServerCall::RequestBuffers { .. }
            | ServerCall::QueryAvailableBuffers { .. }
            | ServerCall::AllocateBuffer { .. }
            | ServerCall::FreeBuffer { .. } => vec![self.buffer_call(call, before, world)],
            ServerCall::IsSharedBuffer { nth, off } => {
                self.is_shared(nth, off, before, world);
                Vec::new()
            }
            ServerCall::OpenDevice { name } => vec![self.open_server_device(name, world)],
            ServerCall::SendCommand {
                device,
                what,
                times,
            } => self.send(device, what, times, before, world),
            ServerCall::CloseDevice { device } => {
                vec![vdi_server_close_device(self.server_devices[device])]
            }
            _ => vec![self.set_call(call, world)],
        }
    }

    fn set_call(&mut self, call: ServerCall, world: &World) -> i32 {
        let server = self.server;
        match call {
            ServerCall::Open => self.open_server(),
            ServerCall::GetConfiguration => {
                let mut config = config();
                let result = vdi_server_get_configuration(server, &mut config);
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
                vdi_server_begin_configuration(server, &parameters)
            }
            ServerCall::EndConfiguration => vdi_server_end_configuration(server),
            ServerCall::ExecuteCompletionAgent => self.execute_agent(world),
            ServerCall::SignalAbort => server_signal_abort(server),
            ServerCall::AbortReason => {
                self.reason(world, |code, text| server_abort_reason(server, code, text))
            }
            ServerCall::Close => vdi_server_close(server),
            _ => unreachable!("a call of buffers or devices"),
        }
    }

    fn open_server(&mut self) -> i32 {
        let mut set = NOWHERE as Handle;
        let result = server_open(self.name(0), &mut set);
        self.check((result == NOERROR) != set.is_null(), "the server is null");
        if result == NOERROR {
            self.server = set;
            self.server_devices = [null_mut(); DEVICES];
        }
        result
    }

    fn open_server_device(&mut self, name: usize, world: &World) -> i32 {
        let mut device = NOWHERE as Handle;
        let result = server_open_device(self.server, self.name(name), &mut device);
        self.check(
            (result == NOERROR) != device.is_null(),
            "the device is null",
        );
        if let (NOERROR, Some(index)) = (result, world.outcome.number) {
            self.server_devices[index as usize] = device;
        }
        result
    }

    fn buffer_call(&mut self, call: ServerCall, before: &World, world: &World) -> i32 {
        let server = self.server;
        match call {
            ServerCall::RequestBuffers {
                size,
                alignment,
                count,
            } => vdi_server_request_buffers(server, size, alignment, count),
            ServerCall::QueryAvailableBuffers { size, alignment } => {
                let mut count = 0xdead;
                let result =
                    vdi_server_query_available_buffers(server, size, alignment, &mut count);
                let wanted = world.outcome.number.unwrap_or(0);
                self.check(count == wanted, &format!("{count} buffers, not {wanted}"));
                result
            }
            ServerCall::AllocateBuffer { size, alignment } => {
                self.allocate(size, alignment, before, world)
            }
            ServerCall::FreeBuffer { nth, off } => {
                let (address, size) = self.buffer(before, nth);
                let size = size.wrapping_add_signed(off);
                vdi_server_free_buffer(server, address, size)
            }
            _ => unreachable!("not a call of buffers"),
        }
    }

    /// Address and size of a buffer that the server has; else the address of one that it has given
    /// back, or of nothing.
    fn buffer(&self, world: &World, nth: usize) -> (*mut u8, u32) {
        if let Some(number) = world.buffer(nth) {
            return (self.buffers[number], world.buffers[number].size);
        }
        let has = |address| {
            (0..)
                .map_while(|nth| world.buffer(nth))
                .any(|n| self.buffers[n] == address)
        };
        let given_back = self.buffers.iter().copied().find(|address| !has(*address));
        (given_back.unwrap_or(NOWHERE as *mut u8), 512)
    }

    fn allocate(&mut self, size: u32, alignment: u32, before: &World, world: &World) -> i32 {
        let mut buffer = NOWHERE as *mut u8;
        let result = vdi_server_allocate_buffer(self.server, size, alignment, &mut buffer);
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
            fill(buffer, 0x99, size as usize);
            self.buffers.push(buffer);
        }
        result
    }

    fn is_shared(&mut self, nth: usize, off: i32, before: &World, world: &World) {
        let address = self.buffer(before, nth).0.wrapping_offset(off as isize);
        // Another buffer may lie there.
        let elsewhere = (0..).map_while(|nth| before.buffer(nth)).any(|number| {
            let start = self.buffers[number].addr();
            (start..start + before.buffers[number].size as usize).contains(&address.addr())
        });
        let wanted = i32::from(elsewhere || world.outcome.number == Some(1));
        let answer = vdi_server_is_shared_buffer(self.server, address);
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
        let buffer = what
            .buffer
            .map_or(null_mut(), |nth| self.buffer(before, nth).0);
        if what.buffer.is_some_and(|nth| before.buffer(nth).is_some()) {
            fill(buffer, first as u8, 1);
        }
        let send = |n| {
            let command = first + 2 * n;
            let record = Record::new(&self.shared, world, command, buffer, device, self.server);
            let command = Shared::keep(&self.shared, record);
            // SAFETY: kept until the end of the test.
            unsafe { vdi_server_send_command(device, command) }
        };
        (0..times).map(send).collect()
    }

    fn execute_agent(&mut self, world: &World) -> i32 {
        if world.outcome.results != [NOERROR] {
            // Refused at once, so that it can be called here.
            return vdi_server_execute_completion_agent(self.server);
        }
        let agent = Agent::start(self.server, &self.shared);
        if !agent.entered() {
            self.agent = Some(agent);
            self.fail("the agent has not come to rest");
        }
        self.agent = Some(agent);
        NOERROR
    }
}
