//! The pages of a SQLite database as one read transaction sees them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::exit::{Exit, Failure};

/// How long to wait for a writer that keeps readers out.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// An open read transaction. Writers in WAL mode go on and are not seen; writers with a rollback
/// journal cannot commit until it ends.
pub(crate) struct Snapshot {
    connection: Connection,
    path: String,
    /// Bytes of a page.
    pub(crate) page_size: u32,
    /// Number of pages.
    pub(crate) page_count: u64,
}

impl Snapshot {
    /// Begins to read the database at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let metadata = fs::metadata(path);
        let metadata = metadata.map_err(|error| unreadable(&shown, &error.to_string()))?;
        if !metadata.is_file() {
            return Err(unreadable(&shown, "it is not a file"));
        }
        let connection = connect(path).map_err(|error| sqlite(&shown, &error))?;
        let (page_size, page_count) = begin(&connection).map_err(|error| sqlite(&shown, &error))?;
        if !has_page_table(&connection).map_err(|error| sqlite(&shown, &error))? {
            return Err(Failure::new(
                Exit::Internal,
                "this build of vdi cannot read pages: build it again with \
                 LIBSQLITE3_FLAGS=-DSQLITE_ENABLE_DBPAGE_VTAB in the environment",
            ));
        }
        Ok(Self {
            connection,
            path: shown,
            page_size,
            page_count,
        })
    }

    /// Gives the image of every page in order.
    pub(crate) fn each_page(
        &self,
        take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let failed = |error| sqlite(&self.path, &error);
        let query = "SELECT data FROM sqlite_dbpage('main') ORDER BY pgno";
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let page = row.get_ref(0).map_err(failed)?;
            take(
                page.as_blob()
                    .map_err(|error| sqlite(&self.path, &error.into()))?,
            )?;
        }
        Ok(())
    }
}

/// Opens for reading and writing, because only so can SQLite recover after a crash of the last
/// writer and leave no stray `-wal` file, but never writes.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // An absolute path cannot be mistaken for a URI.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// Begins the transaction; gives size and number of the pages in it.
fn begin(connection: &Connection) -> rusqlite::Result<(u32, u64)> {
    connection.execute_batch("BEGIN")?;
    // The first read fixes what the transaction sees.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let size = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let count = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    Ok((size, count))
}

/// Whether SQLite was built with the table that shows pages.
fn has_page_table(connection: &Connection) -> rusqlite::Result<bool> {
    let query = "SELECT sqlite_compileoption_used('ENABLE_DBPAGE_VTAB')";
    connection.query_row(query, [], |row| row.get(0))
}

fn unreadable(path: &str, why: &str) -> Failure {
    Failure::new(Exit::Input, format!("cannot read database {path}: {why}"))
}

pub(super) fn sqlite(path: &str, error: &rusqlite::Error) -> Failure {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => unreadable(
            path,
            "another process has it locked; try again when it has finished",
        ),
        Some(ErrorCode::NotADatabase) => unreadable(path, "it is not a SQLite database"),
        _ => unreadable(path, &error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is committed after the snapshot was taken, and before its first page is read, is not
    /// in it.
    #[test]
    fn a_snapshot_is_taken_when_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "wal").unwrap();
        writer
            .execute_batch("CREATE TABLE t AS SELECT zeroblob(50000) AS data")
            .unwrap();
        let images = |snapshot: &Snapshot| {
            let mut images = Vec::new();
            snapshot
                .each_page(&mut |image| {
                    images.extend_from_slice(image);
                    Ok(())
                })
                .unwrap();
            images
        };
        let before = images(&Snapshot::open(&path).unwrap());
        let snapshot = Snapshot::open(&path).unwrap();
        writer
            .execute_batch("INSERT INTO t VALUES (randomblob(50000))")
            .unwrap();
        writer
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
            .unwrap();
        assert!(images(&snapshot) == before);
        let expected = u64::from(snapshot.page_size) * snapshot.page_count;
        assert_eq!(before.len() as u64, expected);
        assert!(images(&Snapshot::open(&path).unwrap()) != before);
    }
}
