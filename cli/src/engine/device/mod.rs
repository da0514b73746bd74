//! One device of a set: its commands, one after the other or many at a time.
#![allow(
    non_upper_case_globals,
    reason = "the published names of commands are mixed case"
)]

mod reader;
mod writer;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use vdi::codes::*;
use vdi::server::{Callback, Device, Request, Set};
use vdi::{Buffer, Completion, Configuration};

use super::session;
use crate::exit::{Cause, Exit, Failure};

pub(crate) use reader::{Next, Reader};
pub(crate) use writer::Writer;

/// One device, and the buffers that only commands to it use.
pub(crate) struct Channel {
    /// Its number, from 0.
    pub(crate) number: usize,
    set: Arc<Set>,
    device: Arc<Device>,
    configuration: Configuration,
    /// Buffers that are free.
    buffers: Vec<Buffer>,
    /// How long the engine takes before each command.
    pace: Duration,
}

impl Channel {
    pub(super) fn new(
        number: usize,
        set: &Arc<Set>,
        device: &Arc<Device>,
        configuration: &Configuration,
        buffers: Vec<Buffer>,
        pace: Duration,
    ) -> Self {
        Self {
            number,
            set: Arc::clone(set),
            device: Arc::clone(device),
            configuration: *configuration,
            buffers,
            pace,
        }
    }

    /// Whether the client has a feature.
    pub(crate) fn has(&self, feature: u32) -> bool {
        self.configuration.features & feature != 0
    }

    /// Whether what is on the medium can be read before it is written.
    pub(crate) fn looks_back(&self) -> bool {
        self.has(VDF_ReadMedia) && self.has(VDF_RandomAccess | VDF_FileMarks)
    }

    /// Bytes of which every transfer is a multiple.
    pub(crate) fn block_size(&self) -> u32 {
        self.configuration.block_size
    }

    /// Sends a command that moves nothing.
    pub(crate) fn send(&self, code: i32) -> Pending {
        self.request(Request::new(code))
    }

    /// Asks a tape to go behind the next filemark.
    fn skip_mark(&self) -> Pending {
        // [CMD-SMARK-01, AMB-20]
        self.request(Request {
            size: 1,
            ..Request::new(VDC_SkipMarks)
        })
    }

    /// Sends a Write or Read of `size` bytes of a buffer; `position` counts on a disk.
    fn transfer(&self, code: i32, buffer: &Buffer, size: u32, position: i64) -> Pending {
        let disk = self.has(VDF_RandomAccess);
        self.request(Request {
            position: if disk { position } else { 0 },
            ..Request::transfer(code, buffer, size)
        })
    }

    fn request(&self, request: Request) -> Pending {
        if !self.pace.is_zero() {
            thread::sleep(self.pace);
        }
        let (done, completion) = channel();
        let callback = Callback::new(move |completion| {
            // Nobody waits any more when the statement has failed otherwise.
            let _ = done.send(completion);
        });
        // A failure to send calls the callback as well (SDEV-SEND-04).
        let _ = self.device.send(request, callback);
        Pending(completion)
    }

    /// Sends a command that the client must execute, and waits for it.
    pub(crate) fn order(&self, code: i32) -> Result<(), Failure> {
        self.send(code).expect_success(self, code)
    }

    /// Sends a command that the client need not know; whether it does. Without it the statement
    /// goes on.
    pub(crate) fn ask(&self, code: i32) -> Result<bool, Failure> {
        match self.send(code).wait().code {
            ERROR_SUCCESS => Ok(true),
            ERROR_NOT_SUPPORTED => self.clear_error().map(|()| false),
            error => Err(self.failure(code, error)),
        }
    }

    /// Leaves the IO-ERROR state, in which any completion but success puts a device (ERR-10).
    fn clear_error(&self) -> Result<(), Failure> {
        self.order(VDC_ClearError)
    }

    /// Goes to the beginning of the medium, where the client can.
    pub(crate) fn rewind(&self) -> Result<(), Failure> {
        if self.has(VDF_Rewind) {
            self.ask(VDC_Rewind)?;
        }
        Ok(())
    }

    /// Whether any place of what is on the device can be read, without another medium.
    pub(crate) fn is_random(&self) -> bool {
        self.has(VDF_RandomAccess) && !self.has(VDF_Removable)
    }

    /// Explains a completion code that is a failure.
    pub(crate) fn failure(&self, command: i32, code: i32) -> Failure {
        let what = name(command);
        let failure = match code {
            // The whole set failed, not this device.
            ERROR_OPERATION_ABORTED if session::is_aborted(&self.set) => {
                return session::aborted(&self.set);
            }
            ERROR_DISK_FULL | ERROR_HANDLE_DISK_FULL | ERROR_EOM_OVERFLOW => Failure::new(
                Exit::Output,
                format!("the agent has no room for the {what} (completion code {code})"),
            ),
            _ => Failure::new(
                Exit::Engine,
                format!("the agent failed the {what} with completion code {code}"),
            ),
        };
        let cause = Cause::Command { command, code };
        failure.because(cause).at_device(self.number)
    }

    /// Explains a success that moved fewer bytes than it should (AMB-34).
    fn short(&self, command: i32, bytes: u32, size: u32) -> Failure {
        let what = name(command);
        let message = format!("the agent moved only {bytes} of {size} bytes of a {what}");
        Failure::new(Exit::Engine, message)
            .because(Cause::Command {
                command,
                code: ERROR_HANDLE_EOF,
            })
            .at_device(self.number)
    }
}

/// A command whose completion is still to come.
pub(crate) struct Pending(Receiver<Completion>);

impl Pending {
    /// Waits for the completion; the library promises one for each command (SSET-AGENT-09).
    pub(crate) fn wait(self) -> Completion {
        self.0.recv().unwrap_or(Completion {
            code: ERROR_OPERATION_ABORTED,
            bytes: 0,
            position: 0,
        })
    }

    /// Whether the completion comes before a moment.
    pub(crate) fn ends_before(&self, end: Instant) -> bool {
        let left = end.saturating_duration_since(Instant::now());
        self.0.recv_timeout(left).is_ok()
    }

    /// Waits for success.
    pub(crate) fn expect_success(self, channel: &Channel, command: i32) -> Result<(), Failure> {
        match self.wait().code {
            ERROR_SUCCESS => Ok(()),
            code => Err(channel.failure(command, code)),
        }
    }
}

/// Sends a command to every device, then waits for all.
pub(crate) fn order_all(writers: &[Writer], command: i32) -> Result<(), Failure> {
    let pending: Vec<_> = writers
        .iter()
        .map(|writer| writer.channel().send(command))
        .collect();
    writers
        .iter()
        .zip(pending)
        .try_for_each(|(writer, pending)| pending.expect_success(writer.channel(), command))
}

/// The name of a command that this engine sends.
pub(crate) fn name(command: i32) -> &'static str {
    match command {
        VDC_Read => "Read",
        VDC_Write => "Write",
        VDC_ClearError => "ClearError",
        VDC_Rewind => "Rewind",
        VDC_WriteMark => "WriteMark",
        VDC_SkipMarks => "SkipMarks",
        VDC_Load => "Load",
        VDC_Discard => "Discard",
        VDC_Flush => "Flush",
        VDC_Snapshot => "Snapshot",
        VDC_MountSnapshot => "MountSnapshot",
        VDC_PrepareToFreeze => "PrepareToFreeze",
        VDC_Complete => "Complete",
        _ => "command",
    }
}
