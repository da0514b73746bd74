//! The messages of the engine, by their numbers.

use std::time::Duration;

use vdi::codes::*;

/// Bytes of a page, as the messages count them.
const PAGE: u64 = 8192;

/// A message of the engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Message {
    pub(super) number: u32,
    pub(super) level: u8,
    pub(super) state: u8,
    pub(super) text: String,
}

impl Message {
    pub(super) fn new(number: u32, level: u8, text: impl Into<String>) -> Self {
        Self {
            number,
            level,
            state: 1,
            text: text.into(),
        }
    }

    /// From level 11 on, a message is an error.
    pub(super) fn is_error(&self) -> bool {
        self.level > 10
    }
}

/// 5701: another database is the current one.
pub(super) fn database_changed(name: &str) -> Message {
    Message::new(5701, 0, format!("Changed database context to '{name}'."))
}

/// 911: nothing is known about a database.
pub(super) fn unknown_database(name: &str) -> Message {
    let text =
        format!("Database '{name}' does not exist. Make sure that the name is entered correctly.");
    Message::new(911, 16, text)
}

/// 927: a restore of the database was left with NORECOVERY.
pub(super) fn in_restore(name: &str) -> Message {
    let text = format!("Database '{name}' cannot be opened. It is in the middle of a restore.");
    Message::new(927, 14, text)
}

/// 3013: the last message of a statement that failed.
pub(super) fn terminated(title: &str) -> Message {
    Message::new(3013, 16, format!("{title} is terminating abnormally."))
}

/// 3014: the last message of a statement that succeeded.
pub(super) fn processed(title: &str, bytes: u64, took: Duration) -> Message {
    let seconds = took.as_secs_f64().max(0.001);
    let rate = bytes as f64 / f64::from(1 << 20) / seconds;
    let pages = bytes.div_ceil(PAGE);
    let text = format!(
        "{title} successfully processed {pages} pages in {seconds:.3} seconds ({rate:.3} MB/sec)."
    );
    Message::new(3014, 0, text)
}

/// 4035: so much of a file was backed up or restored.
pub(super) fn pages_of(database: &str, file: &str, bytes: u64, position: u32) -> Message {
    let pages = bytes.div_ceil(PAGE);
    let text = format!(
        "Processed {pages} pages for database '{database}', file '{file}' on file {position}."
    );
    Message::new(4035, 0, text)
}

/// 3211: how far a statement is.
pub(super) fn percent(percent: u64) -> Message {
    Message::new(3211, 0, format!("{percent} percent processed."))
}

/// 3201: a device cannot be opened.
pub(super) fn cannot_open(device: &str, error: &str) -> Message {
    let text = format!("Cannot open backup device '{device}'. Operating system error {error}.");
    Message::new(3201, 16, text)
}

/// 3202: a Write failed, on a device or of a database.
pub(super) fn write_failed(on: &str, error: &str) -> Message {
    Message::new(3202, 16, format!("Write on \"{on}\" failed: {error}"))
}

/// 3203: a Read failed, on a device or of a database.
pub(super) fn read_failed(on: &str, error: &str) -> Message {
    Message::new(3203, 16, format!("Read on \"{on}\" failed: {error}"))
}

/// 3271: the transfer is over for all devices.
pub(super) fn nonrecoverable(device: &str, error: &str) -> Message {
    let text = format!("A nonrecoverable I/O error occurred on file \"{device}:\" {error}.");
    Message::new(3271, 16, text)
}

/// 18210: a command other than Write and Read failed.
pub(super) fn command_failed(command: &str, device: &str, error: &str) -> Message {
    let text = format!(
        "BackupVirtualDeviceSet: {command} failure on backup device '{device}'. \
         Operating system error {error}."
    );
    Message::new(18210, 16, text)
}

/// An error code of the operating system with its text.
pub(super) fn system_error(code: i32) -> String {
    let text = match code {
        31 => "A device attached to the system is not functioning.",
        ERROR_HANDLE_EOF => "Reached the end of the file.",
        ERROR_HANDLE_DISK_FULL => "The disk is full.",
        ERROR_NOT_SUPPORTED => "The request is not supported.",
        ERROR_INVALID_PARAMETER => "The parameter is incorrect.",
        ERROR_DISK_FULL => "There is not enough space on the disk.",
        ERROR_OPERATION_ABORTED => {
            "The I/O operation has been aborted because of either a thread exit or an application \
             request."
        }
        ERROR_END_OF_MEDIA => "The physical end of the tape has been reached.",
        ERROR_FILEMARK_DETECTED => "A tape access reached a filemark.",
        ERROR_NO_DATA_DETECTED => "No more data is on the tape.",
        ERROR_NO_MEDIA_IN_DRIVE => "No media in drive.",
        ERROR_IO_DEVICE => "The request could not be performed because of an I/O device error.",
        ERROR_EOM_OVERFLOW => "The physical end of the tape was reached.",
        _ => "failed to retrieve text for this error",
    };
    format!("{code}({text})")
}
