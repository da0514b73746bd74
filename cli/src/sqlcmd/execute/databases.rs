//! Databases by their names, and whether one is in the middle of a restore.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Engine;
use super::trouble::Trouble;
use crate::engine::source::{
    Command, CommandTarget, FileSource, FileTarget, Source, SqliteSource, SqliteTarget, Synthetic,
    SyntheticTarget, Target,
};
use crate::exit::{Exit, Failure};
use crate::sqlcmd::catalogue::{Database, Origin};
use crate::sqlcmd::messages::{self, Message};

/// Databases that every engine has; a statement may begin in them.
const SYSTEM: [&str; 4] = ["master", "model", "msdb", "tempdb"];

impl Engine<'_> {
    /// Makes a database the current one, which no statement here depends on.
    pub(in crate::sqlcmd) fn select(&self, name: &str) -> Result<(), Message> {
        let system = SYSTEM
            .iter()
            .any(|system| name.eq_ignore_ascii_case(system));
        match system || self.catalogue.find(name).is_some() {
            true => Ok(()),
            false => Err(messages::unknown_database(name)),
        }
    }

    pub(super) fn database(&self, name: &str) -> Result<Database, Trouble> {
        let known = self.catalogue.find(name).cloned();
        known.ok_or_else(|| self.unknown(name))
    }

    pub(super) fn unknown(&self, name: &str) -> Trouble {
        let trouble = Trouble::from(messages::unknown_database(name));
        match self.catalogue.is_empty() {
            true => trouble.noting("no catalogue says what databases there are: give --catalogue"),
            false => trouble,
        }
    }
}

impl Database {
    /// The database as it is backed up.
    pub(super) fn source(&self) -> Result<Box<dyn Source>, Failure> {
        Ok(match &self.origin {
            Origin::Sqlite(path) => Box::new(SqliteSource::open(&self.name, path)?),
            Origin::File(path) => Box::new(FileSource::open(&self.name, path)?),
            Origin::Command { backup, .. } => Box::new(self.command(backup.as_ref(), "backup")?),
            Origin::Synthetic { size, seed } => Box::new(self.synthetic(*size, *seed)),
        })
    }

    /// The database as it is restored.
    pub(super) fn target(&self, replace: bool, tag: &str) -> Result<Box<dyn Target>, Failure> {
        Ok(match &self.origin {
            Origin::Sqlite(path) => Box::new(SqliteTarget::create(path, replace, tag)?),
            Origin::File(path) => Box::new(FileTarget::create(path, replace, tag)?),
            Origin::Command { restore, .. } => {
                let command = self.command(restore.as_ref(), "restore")?;
                Box::new(CommandTarget::start(command)?)
            }
            Origin::Synthetic { size, seed } => {
                Box::new(SyntheticTarget::new(self.synthetic(*size, *seed)))
            }
        })
    }

    fn command(&self, words: Option<&Vec<String>>, what: &str) -> Result<Command, Failure> {
        let name = self.name.clone();
        match words.cloned() {
            Some(words) => Ok(Command { name, words }),
            None => Err(Failure::new(
                Exit::Usage,
                format!("the catalogue has no command for the {what} of {name}"),
            )),
        }
    }

    fn synthetic(&self, size: u64, seed: u64) -> Synthetic {
        let name = self.name.clone();
        Synthetic { name, size, seed }
    }

    /// What the database is called when it cannot be read or written.
    pub(super) fn shown(&self) -> String {
        match self.path() {
            Some(path) => path.display().to_string(),
            None => self.name.clone(),
        }
    }

    /// Whether its last restore was left with NORECOVERY.
    pub(super) fn is_in_restore(&self) -> bool {
        self.path().is_some_and(|path| mark(path).exists())
    }

    /// The name that the database had when it was backed up, if it is in the middle of a restore.
    pub(super) fn restored_from(&self) -> Option<String> {
        fs::read_to_string(mark(self.path()?)).ok()
    }

    /// Notes that further backups of the database of this name can follow.
    pub(super) fn begin_restore(&self, name: &str) -> io::Result<()> {
        match self.path() {
            Some(path) => fs::write(mark(path), name),
            None => Ok(()),
        }
    }

    /// Notes that no more backups follow.
    pub(super) fn end_restore(&self) -> io::Result<()> {
        match self.path().map(|path| fs::remove_file(mark(path))) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The file beside a database that is in the middle of a restore.
fn mark(path: &Path) -> PathBuf {
    // Links are followed, as they are when the database is written.
    let path = path.canonicalize().unwrap_or_else(|_| path.into());
    let mut name = path.into_os_string();
    name.push(".restoring");
    name.into()
}
