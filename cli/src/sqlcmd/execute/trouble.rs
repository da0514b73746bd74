//! Why a statement failed, as a message of the engine.

use vdi::ErrorKind;
use vdi::codes::*;

use crate::engine::device;
use crate::exit::{Cause, Exit, Failure};
use crate::media;
use crate::sqlcmd::messages::{self, Message, system_error};

/// Why a statement failed.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What the engine says.
    pub(super) message: Message,
    /// What this program says besides, on standard error.
    pub(super) note: Option<String>,
    /// Whether 3013 follows: the statement had begun.
    pub(super) terminates: bool,
    /// Whether the set is to be aborted, because the failure is not the client's doing.
    pub(super) aborts: bool,
}

impl From<Message> for Trouble {
    fn from(message: Message) -> Self {
        Self {
            message,
            note: None,
            terminates: true,
            aborts: false,
        }
    }
}

impl Trouble {
    pub(super) fn new(number: u32, text: impl Into<String>) -> Self {
        Message::new(number, 16, text).into()
    }

    /// The same with a word of this program.
    pub(super) fn noting(self, note: impl Into<String>) -> Self {
        Self {
            note: Some(note.into()),
            ..self
        }
    }

    /// The device set could not be opened or configured.
    pub(super) fn opening(devices: &[String], failure: &Failure) -> Self {
        let name = device_name(devices, failure);
        let opening = |error: &str| Self::from(messages::cannot_open(name, error));
        match failure.cause {
            Some(Cause::Set(ErrorKind::Abort)) => {
                opening(&system_error(ERROR_OPERATION_ABORTED)).noting(failure.to_string())
            }
            Some(Cause::Set(kind)) => opening(&format!("{:#x}({failure})", kind.code())),
            None if failure.exit == Exit::Aborted => {
                opening(&system_error(ERROR_OPERATION_ABORTED)).noting(failure.to_string())
            }
            _ => opening(&format!("{ERROR_INVALID_PARAMETER}({failure})")),
        }
    }

    /// The transfer failed. `database` is where the data comes from or goes to.
    pub(super) fn transfer(devices: &[String], database: &str, failure: &Failure) -> Self {
        let device = device_name(devices, failure);
        let message = match failure.cause {
            Some(Cause::Set(ErrorKind::Abort)) => {
                messages::nonrecoverable(device, &system_error(ERROR_OPERATION_ABORTED))
            }
            Some(Cause::Set(kind)) => {
                messages::nonrecoverable(device, &format!("{:#x}({failure})", kind.code()))
            }
            Some(Cause::Command { command, code }) => command_failed(command, device, code),
            Some(Cause::InUse) => Message::new(
                3101,
                16,
                "Exclusive access could not be obtained because the database is in use.",
            ),
            None => match failure.exit {
                Exit::Output => messages::write_failed(database, &failure.to_string()),
                Exit::Aborted => {
                    messages::nonrecoverable(device, &system_error(ERROR_OPERATION_ABORTED))
                }
                _ => messages::read_failed(database, &failure.to_string()),
            },
        };
        Self {
            aborts: failure.cause.is_none(),
            ..Self::from(message).noting(failure.to_string())
        }
    }

    /// The media are not a backup.
    pub(super) fn media(devices: &[String], error: media::Error) -> Self {
        let name = |device: usize| devices.get(device).map_or("", String::as_str);
        match error {
            media::Error::Foreign { device } => Self::new(
                3241,
                format!(
                    "The media family on device '{}' is incorrectly formed. SQL Server cannot \
                     process this media family.",
                    name(device)
                ),
            ),
            media::Error::Stranger { device } => Self::new(
                3258,
                format!(
                    "The volume on the device '{}' is not part of the media set that is currently \
                     being processed. Ensure that the backup devices are loaded with the correct \
                     media.",
                    name(device)
                ),
            ),
            media::Error::Missing { families, given } => Self::new(
                3132,
                format!(
                    "The media set has {families} media families but only {given} are provided. \
                     All members must be provided."
                ),
            ),
            media::Error::Short { device } => {
                messages::read_failed(name(device), &system_error(ERROR_HANDLE_EOF)).into()
            }
            media::Error::Damaged { device, reason } => {
                Self::new(3189, "Damage to the backup set was detected.")
                    .noting(format!("device '{}': {reason}", name(device)))
            }
            media::Error::Io { device, error } => {
                let failure = Failure::from(error);
                Self::transfer(devices, name(device), &failure)
            }
        }
    }
}

fn command_failed(command: i32, device: &str, code: i32) -> Message {
    let error = system_error(code);
    match command {
        code if code == VDC_Write => messages::write_failed(device, &error),
        code if code == VDC_Read => messages::read_failed(device, &error),
        other => messages::command_failed(device::name(other), device, &error),
    }
}

/// The device at fault; the first one stands for the set.
fn device_name<'a>(devices: &'a [String], failure: &Failure) -> &'a str {
    let device = devices.get(failure.device.unwrap_or(0));
    device.map_or("", String::as_str)
}
