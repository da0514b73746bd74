//! The digest of a backup.

use std::{fmt, mem};

/// BLAKE3 of the page images in page order, that is, of the database file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Digest(pub(crate) [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A digest of which more is to come.
pub(crate) struct Hasher {
    hasher: blake3::Hasher,
    /// What is not hashed yet: the more there is at a time, the more of it is hashed side by side.
    pending: Vec<u8>,
}

impl Hasher {
    const BATCH: usize = 64 * 1024;

    pub(crate) fn new() -> Self {
        Self {
            hasher: blake3::Hasher::new(),
            pending: Vec::with_capacity(Self::BATCH),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if self.pending.len() + bytes.len() > Self::BATCH {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
        if bytes.len() < Self::BATCH {
            self.pending.extend_from_slice(bytes);
        } else {
            self.hasher.update(bytes);
        }
    }

    pub(crate) fn finish(&mut self) -> Digest {
        self.hasher.update(&mem::take(&mut self.pending));
        Digest(*self.hasher.finalize().as_bytes())
    }
}
