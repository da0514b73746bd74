//! What stands behind a device, and the loop that serves the device from it.

use std::sync::atomic::{AtomicU64, Ordering};

use vdi::client::{Command, Device};
use vdi::codes::{ERROR_IO_DEVICE, ERROR_NOT_SUPPORTED, ERROR_SUCCESS, VDC_ClearError};
use vdi::{Completion, ErrorKind};

use crate::exit::Failure;

/// A place that stores or delivers one stripe.
pub(crate) trait Medium: Send {
    /// Name for people.
    fn label(&self) -> String;

    /// Executes a command other than `VDC_ClearError`; none if the medium does not know it.
    fn execute(&mut self, command: &Command) -> Option<Completion>;

    /// What went wrong at the medium itself.
    fn failure(&self) -> Option<Failure>;

    /// Makes the result durable, after the statement and all devices have succeeded.
    fn prepare(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Gives up what the result replaces, after every medium is prepared.
    fn keep(&mut self) {}

    /// Sees to it that nothing remains, after anything has failed.
    fn discard(&mut self) {}
}

/// Serves a device until the server closes it. `moved` counts the bytes.
pub(crate) fn serve(
    device: &Device,
    medium: &mut dyn Medium,
    moved: &AtomicU64,
) -> vdi::Result<()> {
    loop {
        let command = match device.get_command(None) {
            Ok(command) => command,
            // The only good end (SMP-11).
            Err(error) if error.kind() == ErrorKind::Close => return Ok(()),
            Err(error) => return Err(error),
        };
        let completion = match command.code() {
            VDC_ClearError => done(ERROR_SUCCESS),
            _ => medium
                .execute(&command)
                .unwrap_or(done(ERROR_NOT_SUPPORTED)),
        };
        moved.fetch_add(u64::from(completion.bytes), Ordering::Relaxed);
        device.complete(&command, completion)?;
    }
}

/// The completion of a command that moved nothing.
pub(crate) fn done(code: i32) -> Completion {
    transferred(code, 0)
}

/// The completion of a Read or Write.
pub(crate) fn transferred(code: i32, bytes: usize) -> Completion {
    match u32::try_from(bytes) {
        Ok(bytes) => Completion {
            code,
            bytes,
            position: 0,
        },
        // No buffer is that large.
        Err(_) => done(ERROR_IO_DEVICE),
    }
}
