//! Sections 10.2 and 12: the calls of the client's sets.

use super::{Client, Command, Device, Phase, Set, World};
use crate::binding::VdConfig;
use crate::calls::{CLIENTS, Call, MALFORMED};
use vdi::codes::*;

impl World {
    pub(super) fn client_call(&mut self, call: Call) {
        let result = match call {
            Call::Create(config) => self.create(config),
            Call::OpenInSecondary { client } => self.open_in_secondary(client),
            Call::GetConfiguration { client } => self.get_configuration(client),
            Call::OpenDevice { client, name } => self.client_open_device(client, name),
            Call::GetCommand { client, device } => self.get_command(client, device),
            Call::CompleteCommand {
                client,
                device,
                which,
                end,
            } => self.complete(client, device, which, end),
            Call::CompleteAndAbort {
                client,
                device,
                end,
            } => {
                return self.complete_and_abort(client, device, end);
            }
            Call::GetBufferHandle {
                client,
                device,
                which,
            } => self.get_buffer_handle(client, device, which),
            Call::MapBufferHandle { client, handle } => self.map_buffer_handle(client, handle),
            Call::SignalAbort { client } => self.client_abort(client),
            Call::AbortReason { client } => self.client_reason(client),
            Call::Close { client } => self.client_close(client),
            Call::Server(_) => unreachable!("not a client's call"),
        };
        self.answer(result);
    }

    /// The set that a client has open.
    pub(crate) fn set_of(&self, client: usize) -> Option<usize> {
        let Client { set, open, .. } = self.clients[client];
        set.filter(|_| open)
    }

    fn create(&mut self, inputs: VdConfig) -> i32 {
        // (AMB-11); the order of two refusals is nobody's business, so name and fields are
        // never wrong together (see the preconditions).
        if !is_supported(&inputs) {
            return VD_E_NOTSUPPORTED;
        }
        if self.named().is_some() {
            return VD_E_PROTOCOL;
        }
        let mut devices = vec![Device::default(); inputs.device_count as usize];
        devices[0].name = Some(0);
        self.sets.push(Set {
            config: VdConfig {
                features: inputs.features & !SERVER_FEATURES,
                block_size: 0,
                max_io_depth: 0,
                max_transfer_size: 0,
                buffer_area_size: 0,
                ..inputs
            },
            has_name: true,
            devices,
            ..Set::default()
        });
        self.attach(0, self.sets.len() - 1);
        NOERROR
    }

    fn open_in_secondary(&mut self, client: usize) -> i32 {
        let Some(set) = self.named() else {
            return VD_E_PROTOCOL;
        };
        match self.sets[set].phase {
            Phase::Aborted => VD_E_ABORT,
            Phase::Configured => {
                self.attach(client, set);
                NOERROR
            }
            _ => VD_E_PROTOCOL,
        }
    }

    fn attach(&mut self, client: usize, set: usize) {
        let client = &mut self.clients[client];
        client.set = Some(set);
        client.open = true;
        client.life += 1;
    }

    fn get_configuration(&mut self, client: usize) -> i32 {
        let Some(set) = self.set_of(client) else {
            return VD_E_PROTOCOL;
        };
        match self.sets[set].phase {
            Phase::Aborted => VD_E_ABORT,
            Phase::Configured | Phase::Terminated => {
                self.outcome.config = Some(self.sets[set].config);
                NOERROR
            }
            _ => VD_E_TIMEOUT,
        }
    }

    /// The order of the answers is that of AMB-03.
    fn client_open_device(&mut self, client: usize, name: usize) -> i32 {
        let Some(set) = self.set_of(client) else {
            return VD_E_PROTOCOL;
        };
        let life = self.clients[client].life;
        match self.sets[set].phase {
            Phase::Aborted => return VD_E_ABORT,
            Phase::Configured => {}
            _ => return VD_E_PROTOCOL,
        }
        let devices = &mut self.sets[set].devices;
        if devices.iter().all(|device| device.owner.is_some()) {
            return VD_E_OPEN;
        }
        // A name that is late is waited for, but no longer than the client said. (AMB-16)
        let known = devices.iter().position(|device| device.name == Some(name));
        let Some(index) = known.filter(|_| name != MALFORMED) else {
            return VD_E_INVALID;
        };
        if devices[index].owner.is_some() {
            return VD_E_PROTOCOL;
        }
        devices[index].owner = Some((client, life));
        self.clients[client].devices[index] = Some(life);
        self.outcome.number = Some(index as u32);
        NOERROR
    }

    pub(super) fn client_abort(&mut self, client: usize) -> i32 {
        let Some(set) = self.set_of(client) else {
            return VD_E_PROTOCOL;
        };
        self.abort(set, VDI_ABORT_CLIENT);
        NOERROR
    }

    fn client_reason(&mut self, client: usize) -> i32 {
        let Some(set) = self.set_of(client) else {
            return VD_E_PROTOCOL;
        };
        self.outcome.number = Some(self.sets[set].reason);
        NOERROR
    }

    /// (AMB-04), with the note of decision 14.
    fn client_close(&mut self, client: usize) -> i32 {
        let Some(set) = self.set_of(client) else {
            return VD_E_PROTOCOL;
        };
        let me = Some((client, self.clients[client].life));
        self.clients[client].open = false;
        let is_primary = client == 0;
        let state = &mut self.sets[set];
        let mine = |device: &&Device| {
            device.owner.is_some() && (is_primary || device.owner == me) && !device.is_done()
        };
        let open = state.devices.iter().filter(mine).count();
        let served = matches!(
            state.phase,
            Phase::Connected | Phase::Configurable | Phase::Configured
        );
        let closed = state.devices.iter().all(|device| device.closed);
        let aborted = state.phase == Phase::Aborted;
        if is_primary {
            state.has_name = false;
            state.primary_left = true;
        }
        if !aborted && (open > 0 || is_primary && served && !closed) {
            self.abort(set, VDI_ABORT_CLIENT_CLOSED);
        }
        if open > 0 && !aborted {
            VD_E_OPEN
        } else {
            NOERROR
        }
    }

    /// The command whose buffer this client knows, if the client still has it.
    pub(crate) fn holder_of(&self, command: &Command) -> Option<usize> {
        let is_holder = |&client: &usize| {
            self.clients[client].open && command.holder == Some((client, self.clients[client].life))
        };
        (0..CLIENTS).find(is_holder)
    }
}

impl Device {
    /// Closed by the server, and no command waits for its completion.
    fn is_done(&self) -> bool {
        let pending = self.queue.len() + self.active.len() + usize::from(self.held.is_some());
        self.closed && pending == 0
    }
}

pub(super) const SERVER_FEATURES: u32 = VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled;

/// Sections 7.2 and 8.1. (AMB-11)
pub(crate) fn is_supported(inputs: &VdConfig) -> bool {
    let tape = VDF_LikeTape & !VDF_Removable;
    let style = inputs.features & (tape | VDF_RandomAccess);
    let styles = style == 0
        || style == VDF_RandomAccess
        || style == tape && inputs.features & VDF_Removable != 0;
    let aligned = inputs.alignment == 0 || inputs.alignment.is_power_of_two();
    (1..=64).contains(&inputs.device_count)
        && styles
        && aligned
        && inputs.alignment <= 65536
        && inputs.prefix_zone_size <= 1 << 20
}
