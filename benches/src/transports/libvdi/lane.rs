//! The commands of one device, on the server's side.

use super::{Filling, Passed};
use crate::digest::Fold;
use crate::os;
use crate::side::Side;
use crate::vdi_c::*;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::Ordering;

/// One device, and what the harness knows about it. Used by the main thread first, by the agent then.
pub struct Lane<'a> {
    pub side: &'a Side,
    pub server: Server,
    pub device: ServerDevice,
    pub index: usize,
    pub filling: Filling,
    /// The buffers with the source in them, for commands in place.
    pub filled: &'a [Passed<*mut c_void>],
    pub next: u64,
    pub ended: u64,
    pub last: u64,
    pub sent: Fold,
    pub answered: Fold,
}

impl Lane<'_> {
    pub fn is_bulk(&self) -> bool {
        self.side.job.size > 0
    }

    pub fn wants_more(&self) -> bool {
        let more = self.side.ended(self.index, self.ended);
        more && (!self.is_bulk() || self.side.wants(self.next))
    }

    /// Fills and sends a command.
    pub fn send(&mut self, command: &mut VdsCommand) {
        let number = self.next;
        self.next += 1;
        self.sent.add(number);
        command.in_position = number as i64;
        if self.is_bulk() {
            command.buffer = self.buffer(number);
        }
        // SAFETY: the command lives until its completion.
        must("vdi_server_send_command", unsafe {
            (interface().vdi_server_send_command)(self.device, command)
        });
    }

    /// A buffer with the bytes of the command.
    pub fn buffer(&self, number: u64) -> *mut u8 {
        if self.filling == Filling::InPlace {
            return self.filled[number as usize % self.filled.len()]
                .get()
                .cast();
        }
        let chunk = self.side.chunk(number);
        let buffer = allocate(self.server, chunk.len()).cast::<u8>();
        // SAFETY: the buffer is this command's own and has this size.
        unsafe { ptr::copy_nonoverlapping(chunk.as_ptr(), buffer, chunk.len()) };
        buffer
    }

    pub fn take_answer(&mut self, command: &mut VdsCommand) {
        assert_eq!(command.completion_code, 0, "a command has failed");
        self.ended += 1;
        if self.is_bulk() {
            assert_eq!(
                command.bytes_transferred, command.size,
                "a command was cut short"
            );
            if self.filling == Filling::Copied {
                // SAFETY: plain values; the command has ended.
                let freed = unsafe {
                    (interface().vdi_server_free_buffer)(
                        self.server,
                        command.buffer.cast(),
                        command.size as u32,
                    )
                };
                must("vdi_server_free_buffer", freed);
            }
        } else {
            self.answered.add(command.out_position as u64);
        }
        if self.side.job.devices > 1 {
            self.note_time();
        }
    }

    /// How long the device had to wait.
    pub fn note_time(&mut self) {
        let now = os::now();
        let longest = &self.side.board.longest[self.index].0;
        let waited = now - std::mem::replace(&mut self.last, now);
        if self.ended > 1 {
            longest.fetch_max(waited, Ordering::Relaxed);
        }
    }

    pub fn close(&self) {
        // SAFETY: plain values.
        must("vdi_server_close_device", unsafe {
            (interface().vdi_server_close_device)(self.device)
        });
    }
}

/// A command that is sent over and over, with its lane.
pub struct Outstanding<'a> {
    pub command: VdsCommand,
    pub lane: *mut Lane<'a>,
}

/// The completion routine: sends the command again as long as the driver wants.
extern "C" fn completed(command: *mut VdsCommand) {
    // SAFETY: the context was set by `Outstanding::new`, and all live until the process ends.
    let outstanding = unsafe { &mut *(*command).completion_context.cast::<Outstanding<'_>>() };
    // SAFETY: only the agent's thread uses the lane now.
    let lane = unsafe { &mut *outstanding.lane };
    lane.take_answer(&mut outstanding.command);
    if lane.wants_more() {
        lane.send(&mut outstanding.command);
    } else if lane.ended == lane.next {
        lane.close();
    }
}

impl<'a> Outstanding<'a> {
    /// Lives until the process ends.
    pub fn leak(lane: *mut Lane<'a>, size: usize) -> &'a mut Self {
        let command = VdsCommand {
            command_code: if size > 0 { VDC_WRITE } else { VDC_FLUSH },
            size: size as i32,
            in_position: 0,
            out_position: 0,
            buffer: ptr::null_mut(),
            completion_routine: Some(completed),
            completion_context: ptr::null_mut(),
            completion_code: 0,
            bytes_transferred: 0,
        };
        let leaked = Box::leak(Box::new(Self { command, lane }));
        leaked.command.completion_context = (&raw mut *leaked).cast();
        leaked
    }
}

pub fn allocate(server: Server, size: usize) -> *mut c_void {
    let mut buffer = ptr::null_mut();
    // SAFETY: `buffer` is valid for writes.
    let result = unsafe {
        (interface().vdi_server_allocate_buffer)(server, size as u32, 0, &raw mut buffer)
    };
    must("vdi_server_allocate_buffer", result);
    buffer
}
