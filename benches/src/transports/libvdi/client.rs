//! The client's set.

use super::Libvdi;
use crate::bulk::Consumer;
use crate::digest::Fold;
use crate::shared::touch;
use crate::side::{Job, Side, Sink};
use crate::vdi_c::*;
use std::ptr;

impl Libvdi {
    pub fn create_set(&self, job: &Job) -> Set {
        let (api, name, mut set) = (interface(), self.device_name(0), ptr::null_mut());
        let config = VDConfig {
            device_count: job.devices as u32,
            ..VDConfig::default()
        };
        let options = CreateOptions {
            size: size_of::<CreateOptions>() as u32,
            name_wait: 10_000,
            ..CreateOptions::default()
        };
        // SAFETY: all are valid for reads, the output for writes.
        must("vdi_create", unsafe {
            (api.vdi_create)(
                ptr::null(),
                name.as_ptr(),
                &raw const config,
                &raw const options,
                &raw mut set,
            )
        });
        let mut decided = VDConfig::default();
        // SAFETY: the output is valid for writes.
        must("vdi_get_configuration", unsafe {
            (api.vdi_get_configuration)(set, INFINITE, &raw mut decided)
        });
        set
    }

    pub fn open_device(&self, set: Set, index: usize) -> Device {
        let (name, mut device) = (self.device_name(index), ptr::null_mut());
        // SAFETY: the name is a string, the output is valid for writes.
        must("vdi_open_device", unsafe {
            (interface().vdi_open_device)(set, name.as_ptr(), &raw mut device)
        });
        device
    }
}

/// The life of a device: fetches, obeys and completes until the server closes it.
pub fn serve(device: Device, side: &Side) -> u64 {
    let api = interface();
    let mut arrived = Fold::default();
    let mut consumer = (side.job.size > 0).then(|| Consumer::new(side));
    loop {
        let mut command = ptr::null_mut();
        // SAFETY: the output is valid for writes.
        let result = unsafe { (api.vdi_get_command)(device, INFINITE, &raw mut command) };
        if result == VD_E_CLOSE {
            break;
        }
        must("vdi_get_command", result);
        // SAFETY: the library's until it is completed.
        let (code, size, mut position) = unsafe {
            (
                (*command).command_code,
                (*command).size as usize,
                (*command).position,
            )
        };
        match &mut consumer {
            Some(consumer) if code == VDC_WRITE => {
                // SAFETY: the buffer of a Write has its size, and the server does not touch it now.
                let bytes = unsafe { std::slice::from_raw_parts((*command).buffer, size) };
                if side.job.sink == Sink::Touch {
                    // SAFETY: as above.
                    unsafe { touch((*command).buffer, size) };
                }
                position = consumer.consume(bytes) as i64;
            }
            _ => arrived.add(position as u64),
        }
        side.work();
        // SAFETY: fetched above.
        must("vdi_complete_command", unsafe {
            (api.vdi_complete_command)(device, command, 0, size as u32, position)
        });
    }
    if let Some(consumer) = consumer {
        consumer.finish();
    }
    arrived.value()
}
