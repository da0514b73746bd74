//! The records behind the label: data, and the end.

use super::RECORD_BYTES;
use crate::stream::Digest;

const DATA: &[u8; 8] = b"vdi-data";
const END: &[u8; 8] = b"vdi-done";
/// Bytes of the header of a record.
pub(super) const HEADER_BYTES: usize = 32;
/// Bytes of the header under its own checksum, and under that of the record.
const OWN: usize = 20;
const COVERED: usize = HEADER_BYTES - 4;
/// Bytes of what the end record carries: the length of the backup, and its digest.
pub(super) const END_BYTES: usize = 40;

/// The header of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Record {
    /// Whether the backup ends with it.
    pub(super) end: bool,
    /// Its number, from 0, among those of all media.
    pub(super) number: u64,
    /// Bytes that follow.
    pub(super) bytes: u32,
    /// Of the identity of the backup and the fields above.
    own: u32,
    /// Of the identity of the backup, this header and what follows.
    checksum: u32,
}

impl Record {
    /// The header of a record that carries `content`.
    pub(super) fn new(backup: &str, end: bool, number: u64, content: &[u8]) -> Self {
        let mut record = Self {
            end,
            number,
            bytes: content.len() as u32,
            own: 0,
            checksum: 0,
        };
        record.own = record.own_sum(backup);
        record.checksum = record.sum(backup, content);
        record
    }

    /// Whether this header belongs to that content and that backup.
    pub(super) fn is_of(&self, backup: &str, content: &[u8]) -> bool {
        self.checksum == self.sum(backup, content)
    }

    /// Whether this is a header of that backup; what follows it is not known.
    pub(super) fn begins_in(&self, backup: &str) -> bool {
        self.own == self.own_sum(backup)
    }

    /// Whether this is the end of a family that would go on with record `next`.
    pub(super) fn ends_before(&self, next: u64, families: u32) -> bool {
        let behind = next.checked_sub(self.number);
        self.end && behind.is_some_and(|behind| behind < families.into())
    }

    /// Bytes of the record with its padding.
    pub(super) fn length(&self, block_size: u32) -> u64 {
        (HEADER_BYTES as u64 + u64::from(self.bytes)).next_multiple_of(u64::from(block_size))
    }

    fn own_sum(&self, backup: &str) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(backup.as_bytes()), &self.encode()[..OWN])
    }

    fn sum(&self, backup: &str, content: &[u8]) -> u32 {
        let header = self.encode();
        // The identity goes in, so that no record of another backup passes.
        let sum = crc32c::crc32c_append(crc32c::crc32c(backup.as_bytes()), &header[..COVERED]);
        crc32c::crc32c_append(sum, content)
    }

    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(if self.end { END } else { DATA });
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[OWN..OWN + 4].copy_from_slice(&self.own.to_le_bytes());
        bytes[COVERED..].copy_from_slice(&self.checksum.to_le_bytes());
        bytes
    }

    /// None if no writer makes such a header.
    pub(super) fn decode(bytes: [u8; HEADER_BYTES]) -> Option<Self> {
        let word = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let record = Self {
            end: bytes.starts_with(END),
            number: u64::from(word(8)) | u64::from(word(12)) << 32,
            bytes: word(16),
            own: word(OWN),
            checksum: word(COVERED),
        };
        let possible = record.encode() == bytes && record.bytes <= RECORD_BYTES;
        possible.then_some(record)
    }
}

/// What the end record carries.
pub(super) fn end(length: u64, digest: Digest) -> [u8; END_BYTES] {
    let mut bytes = [0; END_BYTES];
    bytes[..8].copy_from_slice(&length.to_le_bytes());
    bytes[8..].copy_from_slice(&digest.0);
    bytes
}
