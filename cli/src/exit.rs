//! How a run ends: the exit status and the one message that explains a failure.

use std::io;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// The kinds of failure, each with an exit status of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Exit {
    /// The command line asks for something impossible.
    Usage = 2,
    /// The input or the database cannot be read.
    Input = 3,
    /// The output or the database cannot be written.
    Output = 4,
    /// The stripes are not one whole, unaltered backup.
    Stripes = 5,
    /// The device set was aborted, by a signal or by the other side.
    Aborted = 6,
    /// The engine process died, or the two sides could not work together.
    Engine = 7,
    /// An error in this tool.
    Internal = 70,
}

/// Text for the end of `--help`.
pub(crate) const STATUS_HELP: &str = "\
Exit status:
   0  success: statement and transfer succeeded, the result is durable and complete
   2  usage: the command line asks for something impossible
   3  the input or the database cannot be read
   4  the output or the database cannot be written, exists already, or the disk is full
   5  the stripes are not one whole, unaltered backup
   6  aborted: interrupted by a signal, or by the other side
   7  the engine process died, or engine and agent could not work together
  70  an error in this tool
After a failure no partial result is left behind.";

/// Why a run failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// The kind.
    pub(crate) exit: Exit,
    /// What happened and what to do.
    pub(crate) message: String,
    /// The device at fault, from 0, when there is one.
    pub(crate) device: Option<usize>,
    /// What the set made of it, for the messages of a statement.
    #[serde(skip)]
    pub(crate) cause: Option<Cause>,
}

/// What happened at the device set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It could not be opened or configured.
    Set(vdi::ErrorKind),
    /// The database that is to be replaced is open elsewhere.
    InUse,
    /// A command was completed with an error.
    Command {
        /// Its `VDC_` code.
        command: i32,
        /// Its completion code.
        code: i32,
    },
}

impl Failure {
    /// A failure without a device.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            device: None,
            cause: None,
        }
    }

    /// The same failure, of one device.
    pub(crate) fn at_device(self, device: usize) -> Self {
        Self {
            device: Some(device),
            ..self
        }
    }

    /// The same failure, and what happened at the device set.
    pub(crate) fn because(self, cause: Cause) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }

    /// An error of the library where the two sides meet.
    pub(crate) fn link(what: &str, error: &vdi::Error) -> Self {
        let exit = match error.kind() {
            vdi::ErrorKind::Abort => Exit::Aborted,
            _ => Exit::Engine,
        };
        Self::new(exit, format!("{what}: {error}")).because(Cause::Set(error.kind()))
    }

    /// A failure to write a file, with advice where there is some.
    pub(crate) fn output(path: &str, error: &io::Error) -> Self {
        let advice = match error.kind() {
            io::ErrorKind::StorageFull => "; make room there or choose another disk",
            io::ErrorKind::QuotaExceeded => "; the quota of this user is used up",
            io::ErrorKind::PermissionDenied => "; this user may not write there",
            _ => "",
        };
        Self::new(
            Exit::Output,
            format!("cannot write {path}: {error}{advice}"),
        )
    }

    /// The status for the shell.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(failure)
    }
}

impl From<io::Error> for Failure {
    /// Gets a failure back that travelled through [`io::Read`] or [`io::Write`].
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(failure) => failure,
            Err(error) => Self::new(Exit::Internal, error.to_string()),
        }
    }
}
