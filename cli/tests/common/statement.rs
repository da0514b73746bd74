//! Runs of `sqlcmd` and what they print.

use std::fs;
use std::process::{Child, Stdio};

use super::client::Client;
use super::{Outcome, Place, finish};

/// Writes the catalogue that all runs of a place use.
pub(crate) fn catalogue(place: &Place, text: &str) {
    fs::write(place.path("catalogue.toml"), text).unwrap();
}

/// A place with a catalogue.
pub(crate) fn place_with(text: &str) -> Place {
    let place = Place::new();
    catalogue(&place, text);
    place
}

/// A database `a` of SQLite and a place `b` for another.
pub(crate) fn sqlite(place: &Place) {
    place.database("a.db", "wal");
    catalogue(
        place,
        "[database.a]\nsqlite = 'a.db'\n[database.b]\nsqlite = 'b.db'\n",
    );
}

const CATALOGUE: &str = "[database.a]\nsize = '1M'\nseed = 3\n\
    [database.flushed]\nsize = '1M'\nseed = 3\nflush_every = '256K'\ncomplete = false\n\
    [database.slow]\nsize = '64K'\ndelay_ms = 20\n";

/// Databases `a`, `flushed` and `slow`, which are never stored.
pub(crate) fn synthetic() -> Place {
    place_with(CATALOGUE)
}

/// A run that has ended.
pub(crate) struct Sql {
    pub(crate) outcome: Outcome,
    /// Standard output.
    pub(crate) text: String,
}

impl Sql {
    /// Executes a statement, in which `{}` stands for the devices of the client, while the client
    /// serves them.
    #[track_caller]
    pub(crate) fn run(place: &Place, client: &Client, statement: &str) -> Self {
        let serving = client.start(place);
        let query = statement.replace("{}", &client.clauses());
        let done = Self::alone(place, &["-b", "-l", "60", "-Q", &query]);
        finish(serving).success();
        done
    }

    /// Runs it with a command line, without a client.
    pub(crate) fn alone(place: &Place, words: &[&str]) -> Self {
        Self::of(finish(Self::start(place, words)))
    }

    /// The same, still running; [`finish`] waits for it.
    pub(crate) fn start(place: &Place, words: &[&str]) -> Child {
        let catalogue = ["sqlcmd", "--catalogue", "catalogue.toml"];
        let mut command = place.vdi(catalogue.iter().chain(words));
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    pub(crate) fn of(outcome: Outcome) -> Self {
        let text = String::from_utf8(outcome.stdout.clone()).unwrap();
        Self { outcome, text }
    }

    /// Status 0, no error and a message.
    #[track_caller]
    pub(crate) fn expect_success(&self, message: &str) -> &Self {
        assert!(
            self.text.contains(message),
            "{}{}",
            self.text,
            self.outcome.stderr
        );
        assert!(!self.text.contains("Msg "), "{}", self.text);
        self.outcome.success();
        self
    }

    /// Status 1 and these errors, and no others, in this order.
    #[track_caller]
    pub(crate) fn expect_errors(&self, numbers: &[u32]) -> &Self {
        let errors: Vec<u32> = self
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("Msg ")?.split(',').next()?.parse().ok())
            .collect();
        assert_eq!(errors, numbers, "{}{}", self.text, self.outcome.stderr);
        self.outcome.expect(1, "");
        self
    }

    /// A part of standard output.
    #[track_caller]
    pub(crate) fn says(&self, part: &str) -> &Self {
        assert!(
            self.text.contains(part),
            "{part:?} is not in\n{}",
            self.text
        );
        self
    }
}
