//! A command, as the client receives it.

use crate::shm::area::Buffer;

/// A command that was fetched and must be completed.
#[derive(Clone, Debug)]
pub struct Command {
    pub(super) slot: u32,
    pub(super) code: i32,
    pub(super) size: u32,
    pub(super) position: i64,
    pub(super) buffer: Option<Buffer>,
}

impl Command {
    /// Its `VDC_` code. Unknown ones travel, too. [CMD-02]
    #[must_use]
    pub fn code(&self) -> i32 {
        self.code
    }

    /// Bytes to transfer, or the bits of what else the command has in this field. [CMD-03]
    #[must_use]
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Position on the device. [CMD-03]
    #[must_use]
    pub fn position(&self) -> i64 {
        self.position
    }

    /// The buffer, for the commands that have one.
    #[must_use]
    pub fn buffer(&self) -> Option<&Buffer> {
        self.buffer.as_ref()
    }

    /// Number of the place that the command occupies until it is completed; less than the queue
    /// capacity of the set.
    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }
}
