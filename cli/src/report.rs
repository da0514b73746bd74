//! What is told to other programs: the lines of the engine's statement, the summary of a run.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// A line that the engine process prints, as JSON, on standard output.
#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum StatementLine {
    /// The transfer begins.
    Started {
        /// Bytes that all devices together are going to move.
        stream_bytes: u64,
    },
    /// Everything is verified, and the restored database is being put in place.
    Publishing,
    /// The statement succeeded. The last line.
    Succeeded(Contents),
    /// The statement failed. The last line.
    Failed(Failure),
}

/// What was backed up or restored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Contents {
    /// Identity of the backup.
    pub(crate) backup: String,
    /// BLAKE3 of all page images in page order.
    pub(crate) digest: String,
    /// Pages of the database.
    pub(crate) pages: u64,
    /// Bytes of a page.
    pub(crate) page_size: u32,
}

/// The one JSON object about a whole run.
#[derive(Serialize)]
pub(crate) struct Summary<'a> {
    pub(crate) operation: &'a str,
    pub(crate) database: String,
    pub(crate) files: Vec<String>,
    /// The exit status.
    pub(crate) exit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(flatten)]
    pub(crate) done: Option<Done>,
}

/// The part of a summary that only a successful run has.
#[derive(Serialize)]
pub(crate) struct Done {
    #[serde(flatten)]
    pub(crate) contents: Contents,
    /// Bytes of the database.
    pub(crate) bytes: u64,
    /// Bytes of all stripes.
    pub(crate) stream_bytes: u64,
    /// Bytes of shared memory for buffers.
    pub(crate) buffer_bytes: u64,
    pub(crate) seconds: f64,
    pub(crate) bytes_per_second: f64,
}

/// Tells people why it failed.
pub(crate) fn error(message: &str) {
    note(&format!("error: {message}"));
}

/// Tells people something. A terminal that is gone is not an error.
pub(crate) fn note(message: &str) {
    let _ = writeln!(io::stderr(), "vdi: {message}");
}

/// Tells people something in the words of another program.
pub(crate) fn say(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// Prints a result.
pub(crate) fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Writes one line of JSON. Nobody may be listening any more; that is not an error.
pub(crate) fn line(mut to: impl Write, value: &impl Serialize) {
    if let Ok(mut text) = serde_json::to_vec(value) {
        text.push(b'\n');
        let _ = to.write_all(&text).and_then(|()| to.flush());
    }
}
