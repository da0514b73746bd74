//! The files of a database that somebody else replaces: out of the way until that is done, and put
//! back if it fails.

use std::fs;
use std::path::{Path, PathBuf};

use crate::durable::sync_directory;
use crate::engine::target::{COMPANIONS, beside, remove, unique_tag};
use crate::exit::Failure;

/// Files that have other names for a while. Dropped, it gives them their own ones back.
pub(super) struct Aside {
    database: PathBuf,
    /// What the database is called meanwhile; what is beside it, accordingly.
    kept: PathBuf,
    /// What there was: nothing behind the name for the database itself.
    moved: Vec<&'static str>,
}

impl Aside {
    /// Takes all files of a database away, as far as there are any.
    pub(super) fn take(database: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::output(&database.display().to_string(), &error);
        // A link stays, and leads to what comes to the place of its target.
        let place = database.canonicalize().unwrap_or_else(|_| database.into());
        let mut aside = Self {
            kept: place.with_file_name(format!(".vdi-{}.old", unique_tag())),
            database: place,
            moved: Vec::new(),
        };
        // The database first: without its log, it is another one.
        for suffix in std::iter::once("").chain(COMPANIONS) {
            let place = beside(&aside.database, suffix);
            if place.symlink_metadata().is_ok() {
                fs::rename(place, beside(&aside.kept, suffix)).map_err(failed)?;
                aside.moved.push(suffix);
            }
        }
        sync_directory(&aside.database).map_err(failed)?;
        Ok(aside)
    }

    /// Removes the files, which are not needed any more.
    pub(super) fn give_up(mut self) -> Result<(), Failure> {
        let failed = |error| Failure::output(&self.database.display().to_string(), &error);
        for suffix in std::mem::take(&mut self.moved) {
            remove(&beside(&self.kept, suffix)).map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for Aside {
    /// About a failure here nothing better can be done than to leave the files their other names.
    fn drop(&mut self) {
        if self.moved.is_empty() {
            return;
        }
        // What stands there now must not meet the log of the old database.
        for suffix in std::iter::once("").chain(COMPANIONS) {
            let _ = remove(&beside(&self.database, suffix));
        }
        for suffix in self.moved.iter().rev() {
            let _ = fs::rename(beside(&self.kept, suffix), beside(&self.database, suffix));
        }
        let _ = sync_directory(&self.database);
    }
}
