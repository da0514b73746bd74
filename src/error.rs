//! Why a call failed.

use std::borrow::Cow;
use std::{fmt, io};

/// Result of the library's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What kind of failure; each stands for one published result code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The interval of a wait elapsed.
    Timeout,
    /// An abort is in force.
    Abort,
    /// Permission is missing.
    Security,
    /// A parameter is not valid.
    Invalid,
    /// The instance name is malformed.
    InstanceName,
    /// The requested configuration is invalid.
    NotSupported,
    /// Out of memory, or out of buffers.
    Memory,
    /// An operating system error without a better kind, or an error in this library.
    Unexpected,
    /// The call is not allowed now, or the object is not open.
    Protocol,
    /// All devices are open, or devices are still open.
    Open,
    /// The device is closed: the normal end.
    Close,
    /// Somebody else is using the object.
    Busy,
    /// The queue of the device is full.
    QueueFull,
    /// The device is in the IO-ERROR state.
    IoError,
}

/// A failure: its kind, and a text that names the parameter or object at fault.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    text: Cow<'static, str>,
}

impl Error {
    /// Makes an error of a kind with a text.
    #[cold]
    pub(crate) fn new(kind: ErrorKind, text: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            text: text.into(),
        }
    }

    /// Wraps an error of the operating system; lack of memory and of permission keep their kinds.
    pub(crate) fn system(what: impl fmt::Display, error: &io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::OutOfMemory
            | io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => ErrorKind::Memory,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                ErrorKind::Security
            }
            _ => ErrorKind::Unexpected,
        };
        Self::new(kind, format!("{what}: {error}"))
    }

    /// As [`Self::system`], for memory. The kernel also says "try again" when it is locked memory
    /// that may not grow; and what forbids it is not a permission that anybody could give.
    pub(crate) fn memory(what: impl fmt::Display, error: &io::Error) -> Self {
        let mut failure = Self::system(what, error);
        failure.kind = match (failure.kind, error.kind()) {
            (ErrorKind::Memory, _) | (_, io::ErrorKind::WouldBlock) => ErrorKind::Memory,
            _ => ErrorKind::Unexpected,
        };
        failure
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What was wrong, in words.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
