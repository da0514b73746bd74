//! The format of media: what BACKUP statements write to their devices.
//!
//! `docs/media-format.md` is the description. A medium says in clear words what is on it, and
//! carries bytes of any kind and of unknown length, one backup set behind the other. This module
//! knows nothing of devices: it writes to [`std::io::Write`] and reads from [`std::io::Read`].

mod end;
mod label;
mod reader;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use std::io;

pub(crate) use end::{end_of, first_record};
pub(crate) use label::{BackupType, File, Kind, Label};
pub(crate) use reader::{Reader, pass};
pub(crate) use writer::Writer;

/// Bytes from the beginning of a backup set in which the label lies whole.
pub(crate) const LABEL_BYTES: usize = 65536;
/// Most backup sets of a media set.
pub(crate) const MAX_SETS: u32 = 65535;
/// Most bytes of a data record; no transfer is larger.
const RECORD_BYTES: u32 = 4 << 20;

/// Why media could not be read.
#[derive(Debug)]
pub(crate) enum Error {
    /// There is no label where one should be.
    Foreign { device: usize },
    /// A medium is not one of the others' set, or is there twice.
    Stranger { device: usize },
    /// Not all media are there.
    Missing { families: u32, given: usize },
    /// A medium ends before the backup does.
    Short { device: usize },
    /// What is on a medium is not what was written.
    Damaged { device: usize, reason: String },
    /// A device could not be read.
    Io { device: usize, error: io::Error },
}
