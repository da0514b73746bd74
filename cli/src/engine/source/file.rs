//! A database that is a plain file.

use std::fs::File as Handle;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::{Source, Take, Target, Watch};
use crate::durable::NewFile;
use crate::exit::{Exit, Failure};
use crate::media::{File, Kind};

/// Bytes that are read or written at a time.
const PART: usize = 1 << 20;

/// The file as it is read.
pub(crate) struct FileSource {
    name: String,
    path: PathBuf,
    handle: Handle,
    size: u64,
}

impl FileSource {
    pub(crate) fn open(name: &str, path: &Path) -> Result<Self, Failure> {
        let failed = |error| unreadable(path, &error);
        let handle = Handle::open(path).map_err(failed)?;
        let metadata = handle.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(unreadable(path, &"it is not a file"));
        }
        Ok(Self {
            name: name.into(),
            path: path.into(),
            handle,
            size: metadata.len(),
        })
    }
}

impl Source for FileSource {
    fn kind(&self) -> Kind {
        Kind::File
    }

    fn files(&self) -> Vec<File> {
        vec![File {
            logical: self.name.clone(),
            physical: self.path.display().to_string(),
            size: Some(self.size),
        }]
    }

    fn read(&mut self, _: Watch, take: Take) -> Result<(), Failure> {
        let mut part = vec![0; PART];
        loop {
            match self.handle.read(&mut part) {
                Ok(0) => return Ok(()),
                Ok(count) => take(&part[..count])?,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unreadable(&self.path, &error)),
            }
        }
    }
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Input,
        format!("cannot read file {}: {why}", path.display()),
    )
}

/// The file as it is written: it appears whole and durable, or not at all.
pub(crate) struct FileTarget {
    path: PathBuf,
    replace: bool,
    output: BufWriter<Handle>,
    file: NewFile,
}

impl FileTarget {
    /// Begins a file; `tag` makes its hidden name unique.
    pub(crate) fn create(path: &Path, replace: bool, tag: &str) -> Result<Self, Failure> {
        let failed = |error| Failure::output(&path.display().to_string(), &error);
        let file = NewFile::create(path, tag).map_err(failed)?;
        let handle = file.file().try_clone().map_err(failed)?;
        Ok(Self {
            path: path.into(),
            replace,
            output: BufWriter::with_capacity(PART, handle),
            file,
        })
    }

    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::output(&self.path.display().to_string(), error)
    }

    /// Everything is in the file, which has not appeared yet.
    pub(super) fn written(mut self) -> Result<NewFile, Failure> {
        self.output.flush().map_err(|error| self.failed(&error))?;
        Ok(self.file)
    }
}

impl Target for FileTarget {
    fn write(&mut self, _: Watch, bytes: &[u8]) -> Result<(), Failure> {
        self.output
            .write_all(bytes)
            .map_err(|error| self.failed(&error))
    }

    fn commit(self: Box<Self>, _: Watch) -> Result<(), Failure> {
        let (path, replace) = (self.path.clone(), self.replace);
        let failed = |error| Failure::output(&path.display().to_string(), &error);
        let published = self.written()?.publish(replace).map_err(failed)?;
        published.settle().map_err(failed)
    }
}
