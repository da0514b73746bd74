//! A SQLite database.

use std::path::{Path, PathBuf};

use super::{FileTarget, Source, Take, Target, Watch};
use crate::engine::pages::Snapshot;
use crate::engine::target;
use crate::exit::Failure;
use crate::media::{File, Kind};

/// What one read transaction sees.
pub(crate) struct SqliteSource {
    name: String,
    path: PathBuf,
    snapshot: Snapshot,
}

impl SqliteSource {
    pub(crate) fn open(name: &str, path: &Path) -> Result<Self, Failure> {
        Ok(Self {
            name: name.into(),
            path: path.into(),
            snapshot: Snapshot::open(path)?,
        })
    }
}

impl Source for SqliteSource {
    fn kind(&self) -> Kind {
        Kind::Sqlite
    }

    fn files(&self) -> Vec<File> {
        let size = self.snapshot.page_count * u64::from(self.snapshot.page_size);
        vec![file(&self.name, &self.path, size)]
    }

    fn read(&mut self, _: Watch, take: Take) -> Result<(), Failure> {
        self.snapshot.each_page(take)
    }
}

pub(super) fn file(name: &str, path: &Path, size: u64) -> File {
    File {
        logical: name.into(),
        physical: path.display().to_string(),
        size: Some(size),
    }
}

/// The database as it is restored: checked against the one it replaces, then put in its place.
pub(crate) struct SqliteTarget {
    path: PathBuf,
    replace: bool,
    file: FileTarget,
}

impl SqliteTarget {
    pub(crate) fn create(path: &Path, replace: bool, tag: &str) -> Result<Self, Failure> {
        target::check(path, replace)?;
        Ok(Self {
            path: path.into(),
            replace,
            file: FileTarget::create(path, replace, tag)?,
        })
    }
}

impl Target for SqliteTarget {
    fn write(&mut self, watch: Watch, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write(watch, bytes)
    }

    fn commit(self: Box<Self>, _: Watch) -> Result<(), Failure> {
        let file = self.file.written()?;
        target::sync(&file, &self.path)?;
        target::publish(file, &self.path, self.replace)
    }
}
