//! The published result code of each kind of error.

use super::codes::*;
use crate::error::ErrorKind;

impl ErrorKind {
    /// The published result code, as the functions of C return it.
    ///
    /// ```
    /// assert_eq!(vdi::ErrorKind::Close.code(), vdi::codes::VD_E_CLOSE);
    /// ```
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Timeout => VD_E_TIMEOUT,
            Self::Abort => VD_E_ABORT,
            Self::Security => VD_E_SECURITY,
            Self::Invalid => VD_E_INVALID,
            Self::InstanceName => VD_E_INSTANCE_NAME,
            Self::NotSupported => VD_E_NOTSUPPORTED,
            Self::Memory => VD_E_MEMORY,
            Self::Unexpected => VD_E_UNEXPECTED,
            Self::Protocol => VD_E_PROTOCOL,
            Self::Open => VD_E_OPEN,
            Self::Close => VD_E_CLOSE,
            Self::Busy => VD_E_BUSY,
            Self::QueueFull => VD_E_QUEUE_FULL,
            Self::IoError => VD_E_IO_ERROR,
        }
    }
}
