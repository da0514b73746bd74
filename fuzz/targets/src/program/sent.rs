//! Commands that the program sends as server, and what their completion routines do.

use crate::binding::*;
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use vdi::codes::{ERROR_SUCCESS, VDC_Read, VDC_Write};

/// A command, and how often it was sent and has ended.
pub(super) struct Sent {
    command: UnsafeCell<VdsCommand>,
    sends: AtomicU32,
    ends: AtomicU32,
    then: u8,
    device: Handle,
    server: Handle,
}

// SAFETY: the command is the library's from the send to the routine, and nobody reads it elsewhere; the
// handles are only passed on.
unsafe impl Send for Sent {}
// SAFETY: as above.
unsafe impl Sync for Sent {}

/// What a routine does: a number below this.
pub(super) const ROUTINES: usize = 7;
const SEND_AGAIN: u8 = 1;
const CLOSE_DEVICE: u8 = 2;
const ABORT: u8 = 3;
const ALLOCATE: u8 = 4;
const CLOSE: u8 = 5;
/// Most sends of one command.
const MOST: u32 = 3;

impl Sent {
    pub(super) fn new(then: u8, device: Handle, server: Handle) -> Arc<Self> {
        Arc::new(Self {
            command: UnsafeCell::new(VdsCommand {
                code: 0,
                size: 0,
                in_position: 0,
                out_position: 0,
                buffer: null_mut(),
                routine: Some(routine),
                context: null_mut(),
                completion_code: 0,
                bytes_transferred: 0,
            }),
            sends: AtomicU32::new(0),
            ends: AtomicU32::new(0),
            then,
            device,
            server,
        })
    }

    /// Whether its routine may close the server.
    pub(super) fn may_close(&self) -> bool {
        self.then == CLOSE
    }

    /// Sends it for the first time.
    pub(super) fn send(&self, code: i32, size: i32, position: i64, buffer: *mut u8) -> i32 {
        let command = self.command.get();
        // SAFETY: it was not sent yet, so it is this thread's alone.
        let values = unsafe { &mut *command };
        values.context = std::ptr::from_ref(self).cast_mut().cast::<c_void>();
        (values.code, values.size) = (code, size);
        (values.in_position, values.buffer) = (position, buffer);
        self.send_on(self.device)
    }

    fn send_on(&self, device: Handle) -> i32 {
        self.sends.fetch_add(1, Ordering::SeqCst);
        // SAFETY: it is kept until the end of the case, when the server is closed.
        unsafe { vdi_server_send_command(device, self.command.get()) }
    }

    /// Sends it without a routine, or with a pointer that is none: it never ends, and is refused.
    pub(super) fn send_nothing(&self, misaligned: bool) -> i32 {
        let command = self.command.get();
        let pointer = match misaligned {
            true => command.wrapping_byte_add(1),
            false => {
                // SAFETY: it was not sent, so it is this thread's alone.
                unsafe { (*command).routine = None };
                command
            }
        };
        // SAFETY: a pointer that is misaligned is not followed.
        unsafe { vdi_server_send_command(self.device, pointer) }
    }

    /// Each send has ended exactly once. [SSET-AGENT-09]
    pub(super) fn check(&self) {
        let (sends, ends) = (&self.sends, &self.ends);
        assert_eq!(sends.load(Ordering::SeqCst), ends.load(Ordering::SeqCst));
    }

    fn ended(&self, command: &VdsCommand) {
        let moves = command.code == VDC_Read || command.code == VDC_Write;
        let most = if moves { command.size as u32 } else { 0 };
        assert!(command.bytes_transferred as u32 <= most);
        let ends = self.ends.fetch_add(1, Ordering::SeqCst) + 1;
        let sends = self.sends.load(Ordering::SeqCst);
        assert!(ends <= sends, "a routine is called twice");
        match self.then {
            SEND_AGAIN if sends < MOST => {
                self.send_on(self.device);
            }
            CLOSE_DEVICE => {
                vdi_server_close_device(self.device);
            }
            ABORT if command.completion_code == ERROR_SUCCESS => {
                // SAFETY: no reason is given.
                unsafe { vdi_server_signal_abort(self.server, null()) };
            }
            ALLOCATE => {
                let mut buffer = null_mut();
                // SAFETY: the result has a place.
                unsafe { vdi_server_allocate_buffer(self.server, 512, 0, &raw mut buffer) };
                vdi_server_free_buffer(self.server, buffer, 512);
            }
            CLOSE => {
                vdi_server_close(self.server);
            }
            _ => {}
        }
    }
}

/// The completion routine of every command. A panic ends the process: it cannot leave this function.
unsafe extern "C" fn routine(command: *mut VdsCommand) {
    // SAFETY: the command is alive until its routine has been called.
    let command = unsafe { command.read() };
    // SAFETY: `send` has stored it, and it is kept until the end of the case.
    let sent = unsafe { &*command.context.cast::<Sent>() };
    sent.ended(&command);
}
