//! The database that a restore makes, and the one that it may replace.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock};
use uuid::Uuid;

use crate::durable::{NewFile, sync_directory};
use crate::exit::{Cause, Exit, Failure};

/// What SQLite keeps beside a database. A stale one would be applied to whatever database has its
/// name, so it must be gone before the restored database appears.
pub(super) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Refuses a target that must not be touched, before anything is read.
pub(super) fn check(database: &Path, replace: bool) -> Result<(), Failure> {
    if replace {
        return lock(database).map(drop);
    }
    if database.symlink_metadata().is_ok() {
        return Err(exists(database));
    }
    check_companions(database)
}

/// Begins the file that is to become the database.
pub(super) fn create(database: &Path, set: &str) -> Result<NewFile, Failure> {
    NewFile::create(database, &tag(set)).map_err(|error| unwritten(database, &error))
}

/// Makes the bytes of the file durable, which may take long.
pub(super) fn sync(file: &NewFile, database: &Path) -> Result<(), Failure> {
    let synced = file.file().sync_all();
    synced.map_err(|error| unwritten(database, &error))
}

/// Makes the verified file durable as the database.
pub(super) fn publish(mut file: NewFile, database: &Path, replace: bool) -> Result<(), Failure> {
    let failed = |error| unwritten(database, &error);
    // Kept until the file is in place, so that nobody begins to use the old one.
    let _lock = lock(database)?;
    if replace {
        // From here on the old database is lost, so what can fail comes first.
        file.stage().map_err(failed)?;
        remove_companions(database)?;
    } else {
        check_companions(database)?;
    }
    let published = file.publish(replace).map_err(failed)?;
    published.settle().map_err(failed)
}

/// The tag of the hidden file, by which the agent finds it when the engine was killed.
pub(crate) fn tag(set: &str) -> String {
    set.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(32)
        .collect()
}

/// The tag of a hidden file that nobody has to find again.
pub(crate) fn unique_tag() -> String {
    Uuid::new_v4().simple().to_string()
}

/// A lock on the whole of an existing database, which conflicts with every lock that SQLite takes:
/// of a transaction, or of a connection in WAL mode. None if there is no database.
pub(super) fn lock(database: &Path) -> Result<Option<File>, Failure> {
    let file = match OpenOptions::new().read(true).write(true).open(database) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unwritten(database, &error)),
    };
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Err(Failure::new(
            Exit::Output,
            format!(
                "{} is open in another process; close it there first",
                database.display()
            ),
        )
        .because(Cause::InUse)),
        Err(error) => Err(unwritten(database, &error.into())),
    }
}

/// Gives up what SQLite keeps beside the old database.
fn remove_companions(database: &Path) -> Result<(), Failure> {
    let failed = |error| unwritten(database, &error);
    for path in companions(database) {
        remove(&path).map_err(failed)?;
    }
    sync_directory(database).map_err(failed)
}

fn check_companions(database: &Path) -> Result<(), Failure> {
    match companions(database).into_iter().find(|path| path.exists()) {
        Some(path) => Err(exists(&path)),
        None => Ok(()),
    }
}

fn exists(path: &Path) -> Failure {
    let message = format!(
        "{} exists; --replace gives it up for the backup, or WITH REPLACE",
        path.display()
    );
    Failure::new(Exit::Output, message)
}

fn companions(database: &Path) -> Vec<PathBuf> {
    let database = database.canonicalize().unwrap_or_else(|_| database.into());
    COMPANIONS
        .iter()
        .map(|suffix| beside(&database, suffix))
        .collect()
}

/// The file beside a database that has this behind its name.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(suffix);
    PathBuf::from(name)
}

pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn unwritten(database: &Path, error: &io::Error) -> Failure {
    Failure::output(&database.display().to_string(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_replacement_keeps_the_old_log() {
        let dir = tempfile::tempdir().unwrap();
        let (database, log) = (dir.path().join("a.db"), dir.path().join("a.db-wal"));
        fs::write(&database, "old").unwrap();
        fs::write(&log, "committed").unwrap();
        let file = create(&database, "set").unwrap();
        // The hidden name is taken, so the file can get none.
        let taken = dir.path().join(".vdi-set.partial");
        fs::write(&taken, "").unwrap();
        publish(file, &database, true).unwrap_err();
        assert_eq!(fs::read(&log).unwrap(), b"committed");
        fs::remove_file(&taken).unwrap();
        let file = create(&database, "set").unwrap();
        publish(file, &database, true).unwrap();
        assert!(!log.exists() && fs::read(&database).unwrap().is_empty());
    }
}
