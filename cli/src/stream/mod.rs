//! The stream format: a database's page images dealt to one or more stripes.
//!
//! `docs/stream-format.md` is the description. This module knows nothing of devices or of SQLite:
//! it writes to [`std::io::Write`] and reads from [`std::io::Read`].

mod digest;
mod extent;
mod geometry;
mod header;
mod reader;
#[cfg(test)]
mod tests;
mod trailer;
mod wire;
mod writer;

use std::io;

pub(crate) use digest::{Digest, Hasher};
pub(crate) use geometry::Geometry;
pub(crate) use header::Header;
pub(crate) use reader::Reader;
pub(crate) use wire::HEADER_BYTES;
pub(crate) use writer::Writer;

/// Why stripes could not be read.
#[derive(Debug)]
pub(crate) enum Error {
    /// The set of stripes is not one whole, unaltered backup.
    Refused {
        /// The stripe at fault, as its place among the sources; none if the set as a whole is.
        source: Option<usize>,
        /// What is wrong; of a stripe, as the rest of a sentence about it.
        reason: String,
    },
    /// A source could not be read.
    Io {
        /// Its place among the sources.
        source: usize,
        /// Why.
        error: io::Error,
    },
}

impl Error {
    /// Refuses one stripe.
    fn refused(source: usize, reason: impl Into<String>) -> Self {
        Self::Refused {
            source: Some(source),
            reason: reason.into(),
        }
    }
}
