//! What a database is to the statements: bytes that come out, bytes that go in.

mod aside;
mod child;
mod command;
mod file;
mod snapshot;
mod sqlite;
mod synthetic;

use crate::exit::Failure;
use crate::media::{File, Kind};

pub(crate) use command::{Command, CommandTarget};
pub(crate) use file::{FileSource, FileTarget};
pub(crate) use snapshot::{Mounted, freeze};
pub(crate) use sqlite::{SqliteSource, SqliteTarget};
pub(crate) use synthetic::{Synthetic, SyntheticTarget};

/// Takes the next bytes of a database.
pub(crate) type Take<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Failure>;

/// Fails when the statement is to end, which whoever waits long asks again and again.
pub(crate) type Watch<'a> = &'a dyn Fn() -> Result<(), Failure>;

/// A database that is backed up.
pub(crate) trait Source {
    /// What its bytes are.
    fn kind(&self) -> Kind;

    /// What it consists of.
    fn files(&self) -> Vec<File>;

    /// Gives all its bytes in order.
    fn read(&mut self, watch: Watch, take: Take) -> Result<(), Failure>;
}

/// A database that is restored. Dropped without a commit, it leaves no trace where it can.
pub(crate) trait Target {
    /// Takes the next bytes.
    fn write(&mut self, watch: Watch, bytes: &[u8]) -> Result<(), Failure>;

    /// Makes what was written the database, after all of it was verified.
    fn commit(self: Box<Self>, watch: Watch) -> Result<(), Failure>;
}
