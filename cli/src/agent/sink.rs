//! A stripe that is stored: in a file that appears when it is whole, or in a pipe.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use vdi::client::Command;
use vdi::codes::{
    ERROR_DISK_FULL, ERROR_INVALID_PARAMETER, ERROR_IO_DEVICE, ERROR_SUCCESS, VDC_Complete,
    VDC_Flush, VDC_Write,
};
use vdi::{Buffer, Completion};

use super::media::{Medium, done, transferred};
use crate::durable::{NewFile, Published};
use crate::exit::{Exit, Failure};

/// Where the bytes go.
enum Place {
    /// To a file that has not appeared yet.
    File(NewFile),
    /// To a file that has appeared; the one that it replaces is still there.
    Published(Published),
    /// To a file that could not appear.
    Lost,
    /// To a pipe or device, where nothing can be taken back.
    Stream(File),
}

/// The medium of a backup's device.
pub(crate) struct Sink {
    path: PathBuf,
    replace: bool,
    place: Place,
    failure: Option<Failure>,
}

impl Sink {
    /// Standard output.
    pub(crate) fn standard() -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self::new(Path::new("-"), Place::Stream(file), false))
    }

    /// A pipe or device that exists, or a file. `tag` makes the hidden name of the file unique.
    pub(crate) fn open(path: &Path, replace: bool, tag: &str) -> Result<Self, Failure> {
        let failed = |error| Failure::output(&path.display().to_string(), &error);
        let place = match fs::metadata(path) {
            Ok(metadata)
                if metadata.file_type().is_fifo() || metadata.file_type().is_char_device() =>
            {
                Place::Stream(OpenOptions::new().write(true).open(path).map_err(failed)?)
            }
            Ok(metadata) if !metadata.is_file() => {
                let message = format!("cannot write {}: it is not a file", path.display());
                return Err(Failure::new(Exit::Output, message));
            }
            Ok(_) if !replace => return Err(exists(path)),
            _ => Place::File(NewFile::create(path, tag).map_err(failed)?),
        };
        Ok(Self::new(path, place, replace))
    }

    fn new(path: &Path, place: Place, replace: bool) -> Self {
        Self {
            path: path.into(),
            replace,
            place,
            failure: None,
        }
    }

    /// Stores a buffer; says how many bytes were stored before a failure, if one came.
    fn write(&self, buffer: &Buffer, size: usize) -> (usize, io::Result<()>) {
        let file = match &self.place {
            Place::File(new) => new.file(),
            Place::Stream(file) => file,
            Place::Published(_) | Place::Lost => {
                return (0, Err(io::ErrorKind::Unsupported.into()));
            }
        };
        let mut stored = 0;
        while stored < size {
            match buffer.write_to(file.as_fd(), stored, size - stored) {
                Ok(0) => return (stored, Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => stored += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (stored, Err(error)),
            }
        }
        (stored, Ok(()))
    }

    /// Makes durable what was written. A pipe cannot; whoever reads it must.
    fn flush(&self) -> io::Result<()> {
        match &self.place {
            Place::File(new) => new.file().sync_data(),
            Place::Published(_) | Place::Lost | Place::Stream(_) => Ok(()),
        }
    }

    /// Lets the file appear, if it has not yet.
    fn publish(&mut self) -> Result<(), Failure> {
        let new = match std::mem::replace(&mut self.place, Place::Lost) {
            Place::File(new) => new,
            other => {
                self.place = other;
                return Ok(());
            }
        };
        let published = new
            .publish(self.replace)
            .map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => exists(&self.path),
                _ => Failure::output(&self.label(), &error),
            })?;
        self.place = Place::Published(published);
        Ok(())
    }

    /// Remembers the first failure; gives the completion code for it.
    fn failed(&mut self, failure: Failure) -> i32 {
        self.failure.get_or_insert(failure);
        ERROR_IO_DEVICE
    }
}

impl Medium for Sink {
    fn label(&self) -> String {
        self.path.display().to_string()
    }

    fn execute(&mut self, command: &Command) -> Option<Completion> {
        let completion = match (command.code(), command.buffer()) {
            (VDC_Write, Some(buffer)) => {
                let (stored, result) = self.write(buffer, command.size() as usize);
                let code = match result {
                    Ok(()) => ERROR_SUCCESS,
                    Err(error) => {
                        let code = self.failed(Failure::output(&self.label(), &error));
                        if is_full(&error) {
                            ERROR_DISK_FULL
                        } else {
                            code
                        }
                    }
                };
                transferred(code, stored)
            }
            (VDC_Write, None) => done(ERROR_INVALID_PARAMETER),
            (VDC_Flush, _) => done(match self.flush() {
                Ok(()) => ERROR_SUCCESS,
                Err(error) => self.failed(Failure::output(&self.label(), &error)),
            }),
            (VDC_Complete, _) => done(match self.publish() {
                Ok(()) => ERROR_SUCCESS,
                Err(failure) => self.failed(failure),
            }),
            _ => return None,
        };
        Some(completion)
    }

    fn failure(&self) -> Option<Failure> {
        self.failure.clone()
    }

    fn prepare(&mut self) -> Result<(), Failure> {
        self.publish()
    }

    fn keep(&mut self) {
        if let Place::Published(published) = std::mem::replace(&mut self.place, Place::Lost) {
            // A file that should be gone and is not is no reason to fail.
            let _ = published.settle();
        }
    }

    fn discard(&mut self) {
        if let Place::Published(published) = std::mem::replace(&mut self.place, Place::Lost) {
            published.undo();
        }
    }
}

fn exists(path: &Path) -> Failure {
    let message = format!("{} exists; --replace gives it up", path.display());
    Failure::new(Exit::Output, message)
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
