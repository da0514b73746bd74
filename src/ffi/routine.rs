//! The VDS_Command structures that a server sends.

use super::types::VDS_Command;
use crate::error::{Error, ErrorKind, Result};
use crate::panics::outside;
use crate::protocol::command::Completion;
use crate::server::{Callback, Request};
use std::ptr::{self, NonNull};

/// What the core needs of a command: the request, and a callback that reports to it.
///
/// # Safety
///
/// `command` is null, or valid for reads and writes until its completion routine is called.
pub(super) unsafe fn request(command: *mut VDS_Command) -> Result<(Request, Callback)> {
    let invalid = |text| Error::new(ErrorKind::Invalid, text);
    let pointer = NonNull::new(command)
        .filter(|pointer| pointer.is_aligned())
        .ok_or_else(|| invalid("command is null or misaligned"))?;
    // SAFETY: not null, aligned, and valid for reads by contract.
    let values = unsafe { pointer.read() };
    if values.completionRoutine.is_none() {
        return Err(invalid("command->completionRoutine is null"));
    }
    let request = Request {
        code: values.commandCode,
        size: values.size as u32,
        position: values.inPosition,
        address: values.buffer.addr(),
    };
    Ok((
        request,
        Callback::function(complete, command.expose_provenance()),
    ))
}

/// Fills in the outputs of a command and calls its completion routine. [SDEV-SEND-06]
fn complete(command: usize, completion: Completion) {
    let command = ptr::with_exposed_provenance_mut::<VDS_Command>(command);
    // SAFETY: valid until its completion routine is called, by the contract of `request`, and
    // nobody else uses it meanwhile.
    let values = unsafe { &mut *command };
    values.completionCode = completion.code;
    values.bytesTransferred = completion.bytes as i32;
    values.outPosition = completion.position;
    if let Some(routine) = values.completionRoutine {
        // SAFETY: the caller's function, called as documented.
        outside(|| unsafe { routine(command) });
    }
}
