//! A stripe that is delivered: from a file or a pipe.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use vdi::client::Command;
use vdi::codes::{
    ERROR_HANDLE_EOF, ERROR_INVALID_PARAMETER, ERROR_IO_DEVICE, ERROR_SUCCESS, VDC_Flush, VDC_Read,
};
use vdi::{Buffer, Completion};

use super::media::{Medium, done, transferred};
use crate::exit::{Exit, Failure};
use crate::stream::{HEADER_BYTES, Header};

/// The medium of a restore's device.
pub(crate) struct Source {
    path: PathBuf,
    file: File,
    /// What was read to look at the header; the device's data begins with it.
    head: Vec<u8>,
    failure: Option<Failure>,
}

impl Source {
    /// Standard input.
    pub(crate) fn standard() -> io::Result<Self> {
        let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        Ok(Self::new(Path::new("-"), file))
    }

    /// A file or pipe.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
        if metadata.is_dir() {
            return Err(unreadable(path, &io::ErrorKind::IsADirectory.into()));
        }
        Ok(Self::new(path, file))
    }

    fn new(path: &Path, file: File) -> Self {
        Self {
            path: path.into(),
            file,
            head: Vec::new(),
            failure: None,
        }
    }

    /// Looks at the header of the stripe. None if there is none; the engine will say why.
    pub(crate) fn peek(&mut self) -> Result<Option<Header>, Failure> {
        Read::by_ref(&mut self.file)
            .take(HEADER_BYTES as u64)
            .read_to_end(&mut self.head)
            .map_err(|error| unreadable(&self.path, &error))?;
        let bytes = <[u8; HEADER_BYTES]>::try_from(self.head.as_slice());
        Ok(bytes.ok().and_then(|bytes| Header::decode(bytes).ok()))
    }

    /// Fills a buffer; says how many bytes came before the end or a failure.
    fn read(&mut self, buffer: &Buffer, size: usize) -> (usize, io::Result<()>) {
        let mut filled = self.head.len().min(size);
        if let Err(error) = buffer.write(0, &self.head[..filled]) {
            return (0, Err(io::Error::other(error)));
        }
        self.head.drain(..filled);
        while filled < size {
            match buffer.read_from(self.file.as_fd(), filled, size - filled) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (filled, Err(error)),
            }
        }
        (filled, Ok(()))
    }
}

impl Medium for Source {
    fn label(&self) -> String {
        self.path.display().to_string()
    }

    fn execute(&mut self, command: &Command) -> Option<Completion> {
        let completion = match (command.code(), command.buffer()) {
            (VDC_Read, Some(buffer)) => {
                let size = command.size() as usize;
                let (filled, result) = self.read(buffer, size);
                let code = match result {
                    Ok(()) if filled == size => ERROR_SUCCESS,
                    Ok(()) => ERROR_HANDLE_EOF,
                    Err(error) => {
                        let failure = unreadable(&self.path, &error);
                        self.failure.get_or_insert(failure);
                        ERROR_IO_DEVICE
                    }
                };
                transferred(code, filled)
            }
            (VDC_Read, None) => done(ERROR_INVALID_PARAMETER),
            (VDC_Flush, _) => done(ERROR_SUCCESS),
            _ => return None,
        };
        Some(completion)
    }

    fn failure(&self) -> Option<Failure> {
        self.failure.clone()
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Input,
        format!("cannot read {}: {error}", path.display()),
    )
}
