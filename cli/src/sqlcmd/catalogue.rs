//! The catalogue: which databases there are, and how the engine treats their backups.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

/// The file as it is written. `docs/statements.md` describes it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Written {
    server: Option<String>,
    #[serde(default)]
    database: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sqlite: Option<PathBuf>,
    file: Option<PathBuf>,
    backup: Option<Vec<String>>,
    restore: Option<Vec<String>>,
    size: Option<Size>,
    seed: Option<u64>,
    flush_every: Option<Size>,
    delay_ms: Option<u64>,
    complete: Option<bool>,
}

/// A number of bytes, or a text with K, M or G behind the number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Size {
    Bytes(u64),
    Text(String),
}

/// All that is known about databases.
#[derive(Default)]
pub(super) struct Catalogue {
    /// The name of the engine in messages.
    pub(super) server: Option<String>,
    databases: Vec<Database>,
}

/// A database.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pub(super) name: String,
    pub(super) origin: Origin,
    pub(super) manners: Manners,
}

/// Where a database is.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Sqlite(PathBuf),
    File(PathBuf),
    Command {
        backup: Option<Vec<String>>,
        restore: Option<Vec<String>>,
    },
    Synthetic {
        size: u64,
        seed: u64,
    },
}

/// How the engine treats the devices.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// Bytes after which it asks for a Flush in the middle of a backup.
    pub(super) flush_every: Option<u64>,
    /// How long it takes before each command.
    pub(super) delay: Duration,
    /// Whether it offers VDC_Complete.
    pub(super) complete: bool,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            flush_every: None,
            delay: Duration::ZERO,
            complete: true,
        }
    }
}

impl Catalogue {
    /// Reads the file; paths in it are relative to where it lies.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, directory).map_err(|error| format!("{shown}: {error}"))
    }

    fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        let written: Written = toml::from_str(text).map_err(|error| error.to_string())?;
        let databases = written.database.into_iter().map(|(name, entry)| {
            let wrong = |why| format!("database {name}: {why}");
            let manners = entry.manners().map_err(wrong)?;
            let origin = entry.origin(directory).map_err(wrong)?;
            Ok::<_, String>(Database {
                name,
                origin,
                manners,
            })
        });
        let mut known = Self {
            server: written.server,
            databases: Vec::new(),
        };
        for database in databases {
            let database = database?;
            if let Some(other) = known.find(&database.name) {
                let (one, other) = (&database.name, &other.name);
                return Err(format!("databases {other} and {one} differ only in case"));
            }
            known.databases.push(database);
        }
        Ok(known)
    }

    /// Whether there is no database at all.
    pub(super) fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// Finds a database; case does not count.
    pub(super) fn find(&self, name: &str) -> Option<&Database> {
        let is = |database: &&Database| database.name.to_lowercase() == name.to_lowercase();
        self.databases.iter().find(is)
    }
}

impl Entry {
    fn manners(&self) -> Result<Manners, String> {
        let flush_every = self.flush_every.as_ref().map(Size::bytes).transpose()?;
        Ok(Manners {
            flush_every: flush_every.filter(|bytes| *bytes > 0),
            delay: Duration::from_millis(self.delay_ms.unwrap_or(0)),
            complete: self.complete.unwrap_or(true),
        })
    }

    fn origin(self, directory: &Path) -> Result<Origin, String> {
        let commands = self.backup.is_some() || self.restore.is_some();
        let empty = |words: &Option<Vec<String>>| words.as_ref().is_some_and(Vec::is_empty);
        if empty(&self.backup) || empty(&self.restore) {
            return Err("a command needs a program".into());
        }
        match (self.sqlite, self.file, commands, self.size, self.seed) {
            (Some(path), None, false, None, None) => Ok(Origin::Sqlite(directory.join(path))),
            (None, Some(path), false, None, None) => Ok(Origin::File(directory.join(path))),
            (None, None, true, None, None) => Ok(Origin::Command {
                backup: self.backup,
                restore: self.restore,
            }),
            (None, None, false, Some(size), seed) => Ok(Origin::Synthetic {
                size: size.bytes()?,
                seed: seed.unwrap_or(0),
            }),
            _ => Err("give one of sqlite, file, backup and restore, size and seed".into()),
        }
    }
}

impl Size {
    fn bytes(&self) -> Result<u64, String> {
        let text = match self {
            Self::Bytes(bytes) => return Ok(*bytes),
            Self::Text(text) => text,
        };
        let (digits, unit) = match text.as_bytes().last() {
            Some(b'K') => (&text[..text.len() - 1], 10),
            Some(b'M') => (&text[..text.len() - 1], 20),
            Some(b'G') => (&text[..text.len() - 1], 30),
            _ => (text.as_str(), 0),
        };
        let number: Option<u64> = digits.parse().ok();
        number
            .and_then(|number| number.checked_mul(1 << unit))
            .ok_or_else(|| format!("{text:?} is not a number of bytes, K, M or G"))
    }
}

impl Database {
    /// A database that the catalogue does not know, restored into a file that the statement names.
    pub(super) fn new(name: &str, origin: Origin) -> Self {
        Self {
            name: name.into(),
            origin,
            manners: Manners::default(),
        }
    }

    /// The file that the database is, if it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.origin {
            Origin::Sqlite(path) | Origin::File(path) => Some(path),
            Origin::Command { .. } | Origin::Synthetic { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Catalogue, String> {
        Catalogue::parse(text, Path::new("/data"))
    }

    #[test]
    fn every_kind_of_database() {
        let text = "
            server = 'PROD'
            [database.orders]
            sqlite = 'orders.db'
            flush_every = '16M'
            delay_ms = 5
            complete = false
            [database.'My Notes']
            file = '/notes.txt'
            [database.pg]
            backup = ['pg_dump', '-Fc', 'orders']
            [database.big]
            size = '2G'
            seed = 7
        ";
        let catalogue = parse(text).unwrap();
        assert_eq!(catalogue.server.as_deref(), Some("PROD"));
        let find = |name| catalogue.find(name).unwrap();
        let orders = find("ORDERS");
        assert_eq!(orders.path(), Some(Path::new("/data/orders.db")));
        assert_eq!(orders.manners.flush_every, Some(16 << 20));
        assert_eq!(orders.manners.delay, Duration::from_millis(5));
        assert!(!orders.manners.complete && find("big").manners.complete);
        assert_eq!(find("my notes").path(), Some(Path::new("/notes.txt")));
        assert!(matches!(
            find("pg").origin,
            Origin::Command { restore: None, .. }
        ));
        let synthetic =
            matches!(find("big").origin, Origin::Synthetic { size, seed: 7 } if size == 2 << 30);
        assert!(synthetic && catalogue.find("none").is_none());
        assert!(parse("").unwrap().find("a").is_none());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, why) in [
            ("[database.a]", "database a: give one of"),
            (
                "[database.a]\nsqlite='x'\nfile='y'",
                "database a: give one of",
            ),
            ("[database.a]\nseed=1", "database a: give one of"),
            (
                "[database.a]\nbackup=[]",
                "database a: a command needs a program",
            ),
            (
                "[database.a]\nsize=1\n[database.A]\nsize=1",
                "databases A and a differ only in case",
            ),
            ("[database.a]\nsize='2T'", "is not a number of bytes"),
            (
                "[database.a]\nsize='99999999999G'",
                "is not a number of bytes",
            ),
            ("[database.a]\nsqlit='x'", "unknown field"),
            ("[database.a", "line 1"),
        ] {
            let error = parse(text).err().expect(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
