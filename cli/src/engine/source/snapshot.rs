//! A SQLite database whose files somebody else copies while its writers are held off.

use std::fs::{self, File as Handle};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::aside::Aside;
use super::sqlite::file;
use super::{Target, Watch};
use crate::durable::sync_directory;
use crate::engine::{pages, target};
use crate::exit::{Exit, Failure};
use crate::media::File;

/// A database whose writers are held off, so that its files can be copied.
pub(crate) struct Frozen {
    /// Dropping it lets the writers go on.
    _connection: Connection,
    /// The files that belong to the copy.
    pub(crate) files: Vec<File>,
}

/// Holds writers off, after what they have committed is in the database file itself.
pub(crate) fn freeze(name: &str, path: &Path) -> Result<Frozen, Failure> {
    let shown = path.display().to_string();
    let failed = |error| pages::sqlite(&shown, &error);
    let connection = connect(path).map_err(failed)?;
    hold(&connection).map_err(failed)?;
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    let mut files = vec![file(name, path, size(path))];
    let wal = wal(path);
    // A reader of older pages may have kept the log from being emptied.
    if size(&wal) > 0 {
        files.push(file(&format!("{name}_log"), &wal, size(&wal)));
    }
    Ok(Frozen {
        _connection: connection,
        files,
    })
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(pages::BUSY)?;
    Ok(connection)
}

fn hold(connection: &Connection) -> rusqlite::Result<()> {
    // Without a log this does nothing.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.execute_batch("BEGIN IMMEDIATE")
}

fn wal(path: &Path) -> PathBuf {
    // SQLite keeps it beside the file that a link leads to.
    let path = path.canonicalize().unwrap_or_else(|_| path.into());
    let mut name = path.into_os_string();
    name.push("-wal");
    name.into()
}

/// A database that the client has put in its place.
pub(crate) struct Mounted {
    path: PathBuf,
    /// The files as they were when they were copied.
    files: Vec<File>,
    /// The database that is replaced, and nothing if there is none.
    old: Aside,
    /// On the old database: nobody may use it before it is in its place again.
    _lock: Option<Handle>,
}

impl Mounted {
    /// Refuses a database that is open, or that exists and is not to be replaced. The old one is
    /// out of the way before the client brings the files, to which its log would be applied.
    pub(crate) fn expect(path: &Path, files: Vec<File>, replace: bool) -> Result<Self, Failure> {
        target::check(path, replace)?;
        let _lock = target::lock(path)?;
        Ok(Self {
            path: path.into(),
            files,
            old: Aside::take(path)?,
            _lock,
        })
    }

    /// Makes the new files durable, before the old ones are given up.
    fn sync(&self) -> io::Result<()> {
        let path = self.path.canonicalize()?;
        Handle::open(&path)?.sync_all()?;
        // The check may have emptied and removed it.
        let wal = wal(&path);
        if wal.exists() {
            Handle::open(wal)?.sync_all()?;
        }
        sync_directory(&path)
    }
}

impl Target for Mounted {
    fn write(&mut self, _: Watch, _: &[u8]) -> Result<(), Failure> {
        Ok(())
    }

    /// The files have the sizes that they had, and are a sound database.
    fn commit(self: Box<Self>, _: Watch) -> Result<(), Failure> {
        for (file, path) in self.files.iter().zip([self.path.clone(), wal(&self.path)]) {
            let found = fs::metadata(&path).ok().map(|file| file.len());
            if found != file.size {
                let message = format!(
                    "{} was mounted with {found:?} bytes, not {:?}",
                    path.display(),
                    file.size
                );
                return Err(Failure::new(Exit::Stripes, message));
            }
        }
        let shown = self.path.display().to_string();
        let verdict: rusqlite::Result<String> = connect(&self.path).and_then(|connection| {
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        });
        match verdict
            .map_err(|error| pages::sqlite(&shown, &error))?
            .as_str()
        {
            "ok" => {}
            damage => return Err(Failure::new(Exit::Stripes, format!("{shown}: {damage}"))),
        }
        self.sync()
            .map_err(|error| Failure::output(&shown, &error))?;
        self.old.give_up();
        Ok(())
    }
}
