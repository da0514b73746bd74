//! BACKUP and RESTORE statements: text in, meaning out. Nothing here does anything.

mod error;
#[cfg(test)]
mod error_tests;
mod lexer;
mod options;
mod parser;
#[cfg(test)]
mod tests;

pub(crate) use error::SyntaxError;
pub(crate) use parser::parse;

/// A statement, and where it begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Statement {
    /// Line of its first word in the batch, from 1.
    pub(crate) line: usize,
    /// What it asks for.
    pub(crate) action: Action,
}

/// What a statement asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// BACKUP DATABASE or BACKUP LOG.
    Backup(Backup),
    /// RESTORE DATABASE or RESTORE LOG.
    Restore(Restore),
    /// RESTORE without devices: ends a restore that was left with NORECOVERY.
    Recover {
        /// Only how it is called.
        extent: Extent,
        /// The database.
        database: String,
    },
    /// RESTORE HEADERONLY, FILELISTONLY, LABELONLY or VERIFYONLY.
    Inspect(Inspect),
    /// USE.
    Use(String),
    /// SET with an option of the session, which means nothing here.
    Set,
}

/// Whether a statement is about a database or about its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extent {
    Database,
    Log,
}

/// BACKUP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Backup {
    pub(crate) extent: Extent,
    pub(crate) database: String,
    pub(crate) devices: Vec<String>,
    pub(crate) transfer: Transfer,
    /// Overwrite without looking at what is on the media.
    pub(crate) format: bool,
    /// Overwrite the backup that is on the media.
    pub(crate) init: bool,
    pub(crate) copy_only: bool,
    pub(crate) differential: bool,
    pub(crate) snapshot: bool,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) media_name: Option<String>,
    pub(crate) media_description: Option<String>,
}

/// RESTORE DATABASE or RESTORE LOG from devices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Restore {
    pub(crate) extent: Extent,
    pub(crate) database: String,
    pub(crate) devices: Vec<String>,
    pub(crate) transfer: Transfer,
    /// Number of the backup on the media, from 1.
    pub(crate) position: u32,
    pub(crate) replace: bool,
    /// RECOVERY; otherwise further backups can follow.
    pub(crate) recovery: bool,
    pub(crate) snapshot: bool,
    pub(crate) media_name: Option<String>,
    /// Logical names and the files that they are to become.
    pub(crate) moves: Vec<(String, String)>,
}

/// RESTORE that only looks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Inspect {
    pub(crate) what: View,
    pub(crate) devices: Vec<String>,
    pub(crate) transfer: Transfer,
    /// Number of the backup on the media, from 1, if it is given.
    pub(crate) position: Option<u32>,
    pub(crate) media_name: Option<String>,
}

/// What a RESTORE that only looks looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum View {
    Header,
    FileList,
    Label,
    Verify,
}

/// How data is moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Transfer {
    pub(crate) block_size: Option<u32>,
    pub(crate) buffer_count: Option<u32>,
    pub(crate) max_transfer_size: Option<u32>,
    /// Percent between two messages about progress.
    pub(crate) stats: Option<u32>,
}

impl Action {
    /// How the engine calls the statement in its messages.
    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::Backup(backup) => match backup.extent {
                Extent::Database => "BACKUP DATABASE",
                Extent::Log => "BACKUP LOG",
            },
            Self::Restore(Restore { extent, .. }) | Self::Recover { extent, .. } => match extent {
                Extent::Database => "RESTORE DATABASE",
                Extent::Log => "RESTORE LOG",
            },
            Self::Inspect(inspect) => match inspect.what {
                View::Header => "RESTORE HEADERONLY",
                View::FileList => "RESTORE FILELIST",
                View::Label => "RESTORE LABELONLY",
                View::Verify => "VERIFY DATABASE",
            },
            Self::Use(_) => "USE",
            Self::Set => "SET",
        }
    }
}
