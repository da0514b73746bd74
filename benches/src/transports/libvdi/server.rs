//! The server's set.

use super::lane::{Lane, allocate};
use super::{Filling, Libvdi, Passed};
use crate::digest::Fold;
use crate::os;
use crate::shared::touch;
use crate::side::{Job, Side, Sink};
use crate::vdi_c::*;
use std::ffi::{CStr, c_void};
use std::ptr;
use std::time::Duration;

impl Libvdi {
    /// Opens the set when the client has created it, and configures it.
    pub fn open_server(&self, job: &Job) -> Server {
        let (api, name) = (interface(), self.device_name(0));
        let mut server = ptr::null_mut();
        loop {
            // SAFETY: the name is a string, the output is valid for writes.
            let result =
                unsafe { (api.vdi_server_open)(ptr::null(), name.as_ptr(), &raw mut server) };
            if result == NOERROR {
                break;
            }
            os::sleep(Duration::from_micros(200));
        }
        let parameters = ServerParameters {
            size: size_of::<ServerParameters>() as u32,
            features: VDF_WRITE_MEDIA,
            block_size: 4096,
            max_transfer_size: job.size.max(65536) as u32,
            ..ServerParameters::default()
        };
        // SAFETY: `parameters` is valid for reads.
        must("begin", unsafe {
            (api.vdi_server_begin_configuration)(server, &raw const parameters)
        });
        if job.size > 0 {
            // SAFETY: plain values.
            let asked = unsafe {
                (api.vdi_server_request_buffers)(server, job.size as u32, 0, job.buffers as u32)
            };
            must("vdi_server_request_buffers", asked);
        }
        // SAFETY: plain values.
        must("end", unsafe { (api.vdi_server_end_configuration)(server) });
        server
    }

    /// All buffers of the set, with the source in them.
    pub fn fill(&self, server: Server, side: &Side) -> Vec<Passed<*mut c_void>> {
        if self.filling == Filling::Copied || side.job.size == 0 {
            return Vec::new();
        }
        let fill = |number: usize| {
            let (buffer, chunk) = (allocate(server, side.job.size), side.chunk(number as u64));
            if side.job.sink == Sink::Touch {
                // SAFETY: just allocated with this size.
                unsafe { touch(buffer.cast(), side.job.size) };
            } else {
                // SAFETY: as above.
                unsafe { ptr::copy_nonoverlapping(chunk.as_ptr(), buffer.cast(), chunk.len()) };
            }
            Passed(buffer)
        };
        (0..side.job.buffers).map(fill).collect()
    }

    pub fn open_server_device(server: Server, name: &CStr) -> ServerDevice {
        let mut device = ptr::null_mut();
        // SAFETY: the name is a string, the output is valid for writes.
        let result =
            unsafe { (interface().vdi_server_open_device)(server, name.as_ptr(), &raw mut device) };
        must("vdi_server_open_device", result);
        device
    }

    pub fn open_lanes<'a>(
        &self,
        server: Server,
        side: &'a Side,
        filled: &'a [Passed<*mut c_void>],
    ) -> Vec<*mut Lane<'a>> {
        let open = |index| {
            let device = Self::open_server_device(server, &self.device_name(index));
            let lane = Lane {
                side,
                server,
                device,
                index,
                filling: self.filling,
                filled,
                next: 0,
                ended: 0,
                last: 0,
                sent: Fold::default(),
                answered: Fold::default(),
            };
            &raw mut *Box::leak(Box::new(lane))
        };
        (0..side.job.devices).map(open).collect()
    }
}
