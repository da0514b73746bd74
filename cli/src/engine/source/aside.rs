//! The files of a database that somebody else replaces: out of the way until that is done, and put
//! back if it fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::durable::sync_directory;
use crate::engine::target::{COMPANIONS, beside, remove, unique_tag};
use crate::exit::Failure;
use crate::report;

/// Files that have other names for a while. Dropped, it gives them their own ones back.
pub(super) struct Aside {
    database: PathBuf,
    /// What the database is called meanwhile; what is beside it, accordingly.
    kept: PathBuf,
    /// What there was: nothing behind the name for the database itself.
    moved: Vec<&'static str>,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    /// Some files may still have their own names.
    Moving,
    /// What has the own names is not of the old database.
    Moved,
    /// The old database is not needed any more.
    GivenUp,
}

impl Aside {
    /// Takes all files of a database away, as far as there are any.
    pub(super) fn take(database: &Path) -> Result<Self, Failure> {
        // A link stays, and leads to what comes to the place of its target.
        let place = database.canonicalize().unwrap_or_else(|_| database.into());
        let kept = place.with_file_name(format!(".vdi-{}.old", unique_tag()));
        Self::take_as(place, kept)
            .map_err(|error| Failure::output(&database.display().to_string(), &error))
    }

    fn take_as(database: PathBuf, kept: PathBuf) -> io::Result<Self> {
        let mut aside = Self {
            database,
            kept,
            moved: Vec::new(),
            state: State::Moving,
        };
        // The database first: without its log, it is another one.
        for suffix in std::iter::once("").chain(COMPANIONS) {
            let place = beside(&aside.database, suffix);
            if place.symlink_metadata().is_ok() {
                fs::rename(place, beside(&aside.kept, suffix))?;
                aside.moved.push(suffix);
            }
        }
        sync_directory(&aside.database)?;
        aside.state = State::Moved;
        Ok(aside)
    }

    /// Removes the files, which are not needed any more. The new database is there, so a failure is
    /// only said.
    pub(super) fn give_up(mut self) {
        self.state = State::GivenUp;
        for suffix in &self.moved {
            let old = beside(&self.kept, suffix);
            if let Err(error) = remove(&old) {
                report::note(&format!(
                    "{} is of the database that was replaced, and cannot be removed: {error}",
                    old.display()
                ));
            }
        }
    }
}

impl Drop for Aside {
    /// About a failure here nothing better can be done than to leave the files their other names.
    fn drop(&mut self) {
        if self.state == State::GivenUp {
            return;
        }
        // What was brought must not meet the log of the old database.
        if self.state == State::Moved {
            for suffix in std::iter::once("").chain(COMPANIONS) {
                let _ = remove(&beside(&self.database, suffix));
            }
        }
        for suffix in self.moved.iter().rev() {
            let _ = fs::rename(beside(&self.kept, suffix), beside(&self.database, suffix));
        }
        let _ = sync_directory(&self.database);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory with a database and its log, and the names that they get.
    fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (database, kept) = (dir.path().join("a.db"), dir.path().join(".old"));
        fs::write(&database, "old").unwrap();
        fs::write(beside(&database, "-wal"), "committed").unwrap();
        (dir, database, kept)
    }

    /// What cannot be moved away is not lost: something stands where the log would go.
    #[test]
    fn a_log_that_cannot_be_moved_stays() {
        let (_dir, database, kept) = place();
        fs::create_dir(beside(&kept, "-wal")).unwrap();
        assert!(Aside::take_as(database.clone(), kept.clone()).is_err());
        assert_eq!(fs::read(&database).unwrap(), b"old");
        assert_eq!(fs::read(beside(&database, "-wal")).unwrap(), b"committed");
        assert!(!kept.exists());
    }

    #[test]
    fn what_was_brought_goes() {
        let (_dir, database, kept) = place();
        let aside = Aside::take_as(database.clone(), kept.clone()).unwrap();
        fs::write(&database, "new").unwrap();
        fs::write(beside(&database, "-journal"), "new").unwrap();
        drop(aside);
        assert_eq!(fs::read(&database).unwrap(), b"old");
        assert_eq!(fs::read(beside(&database, "-wal")).unwrap(), b"committed");
        assert!(!beside(&database, "-journal").exists());
    }

    /// One file that cannot be removed does not keep the others, or the new database, from anything.
    #[test]
    fn the_old_database_is_given_up() {
        let (_dir, database, kept) = place();
        let aside = Aside::take_as(database.clone(), kept.clone()).unwrap();
        fs::write(&database, "new").unwrap();
        fs::remove_file(&kept).unwrap();
        fs::create_dir(&kept).unwrap();
        aside.give_up();
        assert_eq!(fs::read(&database).unwrap(), b"new");
        assert!(!beside(&kept, "-wal").exists());
    }
}
