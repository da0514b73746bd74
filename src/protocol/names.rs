//! Names of result codes and commands, for logs.
#![allow(non_upper_case_globals, reason = "the published names are mixed case")]

use super::codes::*;
use std::ffi::CStr;

/// The published name of a result code.
pub(crate) fn result(code: i32) -> &'static CStr {
    match code {
        NOERROR => c"NOERROR",
        VD_E_NOTOPEN => c"VD_E_NOTOPEN",
        VD_E_TIMEOUT => c"VD_E_TIMEOUT",
        VD_E_ABORT => c"VD_E_ABORT",
        VD_E_SECURITY => c"VD_E_SECURITY",
        VD_E_INVALID => c"VD_E_INVALID",
        VD_E_INSTANCE_NAME => c"VD_E_INSTANCE_NAME",
        VD_E_NOTSUPPORTED => c"VD_E_NOTSUPPORTED",
        VD_E_MEMORY => c"VD_E_MEMORY",
        VD_E_UNEXPECTED => c"VD_E_UNEXPECTED",
        VD_E_PROTOCOL => c"VD_E_PROTOCOL",
        VD_E_OPEN => c"VD_E_OPEN",
        VD_E_CLOSE => c"VD_E_CLOSE",
        VD_E_BUSY => c"VD_E_BUSY",
        VD_E_QUEUE_FULL => c"VD_E_QUEUE_FULL",
        VD_E_IO_ERROR => c"VD_E_IO_ERROR",
        _ => c"unknown result",
    }
}

/// The published name of a command code.
pub(crate) fn command(code: i32) -> &'static CStr {
    match code {
        VDC_Read => c"VDC_Read",
        VDC_Write => c"VDC_Write",
        VDC_ClearError => c"VDC_ClearError",
        VDC_Rewind => c"VDC_Rewind",
        VDC_WriteMark => c"VDC_WriteMark",
        VDC_SkipMarks => c"VDC_SkipMarks",
        VDC_SkipBlocks => c"VDC_SkipBlocks",
        VDC_Load => c"VDC_Load",
        VDC_GetPosition => c"VDC_GetPosition",
        VDC_SetPosition => c"VDC_SetPosition",
        VDC_Discard => c"VDC_Discard",
        VDC_Flush => c"VDC_Flush",
        VDC_Snapshot => c"VDC_Snapshot",
        VDC_MountSnapshot => c"VDC_MountSnapshot",
        VDC_PrepareToFreeze => c"VDC_PrepareToFreeze",
        VDC_FileInfoBegin => c"VDC_FileInfoBegin",
        VDC_FileInfoEnd => c"VDC_FileInfoEnd",
        VDC_GetError => c"VDC_GetError",
        VDC_Complete => c"VDC_Complete",
        _ => c"unknown command",
    }
}
