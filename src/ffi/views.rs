//! The VDC_Command structures that a client's device hands out.

use super::held::Poison;
use super::types::VDC_Command;
use crate::client::Device;
use crate::error::{Error, ErrorKind, Result};
use crate::participant::table::by_slot;
use crate::protocol::command::Completion;
use std::cell::UnsafeCell;
use std::ptr;
use std::time::Duration;

/// One structure for each command that may be in progress.
pub(super) struct Commands(Vec<UnsafeCell<VDC_Command>>);

/// A device and the structures of its commands.
pub(super) struct DeviceView {
    device: Device,
    commands: Commands,
}

// SAFETY: a structure is written only between taking its command from the device and handing out
// its address, while its slot belongs to the fetching thread alone; the library never reads it.
unsafe impl Send for DeviceView {}
// SAFETY: as above.
unsafe impl Sync for DeviceView {}

impl Commands {
    /// Made before the device is opened, which cannot be undone.
    pub(super) fn new(capacity: u32) -> Result<Self> {
        let empty = |_| {
            UnsafeCell::new(VDC_Command {
                commandCode: 0,
                size: 0,
                position: 0,
                buffer: ptr::null_mut(),
            })
        };
        by_slot(capacity, empty).map(Self)
    }
}

impl DeviceView {
    pub(super) fn new(device: Device, commands: Commands) -> Self {
        Self { device, commands }
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Fetches a command; the structure is valid until the command is completed. [STRUCT-05]
    pub(super) fn get_command(&self, timeout: Option<Duration>) -> Result<*mut VDC_Command> {
        let command = self.device.get_command(timeout)?;
        let place = self
            .commands
            .0
            .get(command.slot() as usize)
            .ok_or_else(|| Error::new(ErrorKind::Unexpected, "a command has no place"))?
            .get();
        let view = VDC_Command {
            commandCode: command.code(),
            size: command.size() as i32,
            position: command.position(),
            buffer: command
                .buffer()
                .map_or(ptr::null_mut(), |buffer| buffer.as_ptr()),
        };
        // SAFETY: inside the table, which lives and stays as long as `self`; see above for exclusivity.
        unsafe { place.write(view) };
        Ok(place)
    }

    /// Completes the command whose structure is at an address. [AMB-43]
    pub(super) fn complete_command(&self, address: usize, completion: Completion) -> Result<()> {
        let offset = address.wrapping_sub(self.commands.0.as_ptr().addr());
        let size = size_of::<VDC_Command>();
        let slot = match offset % size {
            0 => u32::try_from(offset / size).unwrap_or(u32::MAX),
            // No slot: the device still answers for its state first.
            _ => u32::MAX,
        };
        self.device.complete_slot(slot, completion)
    }
}

impl Poison for DeviceView {
    fn poison(&self) {
        self.device.poison();
    }
}
