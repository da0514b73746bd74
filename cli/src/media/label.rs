//! The record that begins every backup set on a medium and says what it is.

use serde::{Deserialize, Serialize};

use super::{LABEL_BYTES, MAX_SETS, RECORD_BYTES};

const MAGIC: &[u8; 8] = b"vdi-labl";
const VERSION: u32 = 2;
/// Magic, version and length.
const PREFIX: usize = 16;
const CHECKSUM: usize = 4;

/// What a backup set is, and the media set that it is on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Label {
    /// Identity of the media set, the same in all its labels and in no others.
    pub(crate) media_set: String,
    /// Number of this backup on the media set, from 1.
    pub(crate) position: u32,
    /// Identity of the backup, the same on all its media and on no others.
    pub(crate) backup: String,
    /// Number of this media family, from 1, and how many there are.
    pub(crate) family: u32,
    pub(crate) families: u32,
    /// Every record is a multiple of this.
    pub(crate) block_size: u32,
    /// Bytes of every data record but the last one of all.
    pub(crate) record_size: u32,
    pub(crate) kind: Kind,
    #[serde(rename = "type")]
    pub(crate) backup_type: BackupType,
    pub(crate) copy_only: bool,
    pub(crate) snapshot: bool,
    pub(crate) server: String,
    pub(crate) user: String,
    pub(crate) database: String,
    /// Seconds since 1970.
    pub(crate) started: u64,
    /// Bytes of the database, where they are known before they are read.
    pub(crate) size: Option<u64>,
    pub(crate) name: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) media_name: Option<String>,
    pub(crate) media_description: Option<String>,
    pub(crate) files: Vec<File>,
}

/// What the bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Sqlite,
    File,
    Command,
    Synthetic,
}

/// What the statement asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BackupType {
    Database,
    Log,
    Differential,
}

/// A file of the database.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) logical: String,
    pub(crate) physical: String,
    pub(crate) size: Option<u64>,
}

impl Label {
    /// Number of the data record of this family before which there are so many others of it.
    pub(super) fn number(&self, count: u64) -> u64 {
        let first = u64::from(self.family.saturating_sub(1));
        count
            .saturating_mul(self.families.into())
            .saturating_add(first)
    }

    /// The record without its padding; none if it is too long.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let text = serde_json::to_vec(self).ok()?;
        let mut bytes = Vec::with_capacity(PREFIX + text.len() + CHECKSUM);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(u32::try_from(text.len()).ok()?.to_le_bytes());
        bytes.extend(text);
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        (bytes.len() <= LABEL_BYTES).then_some(bytes)
    }

    /// Reads the label with which bytes begin; also says how long the record is without its
    /// padding. None if there is none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<(Self, usize)> {
        let length = Self::length(bytes)?;
        let (covered, checksum) = bytes.get(..length)?.split_at(length - CHECKSUM);
        if checksum != crc32c::crc32c(covered).to_le_bytes() {
            return None;
        }
        let label: Self = serde_json::from_slice(covered.get(PREFIX..)?).ok()?;
        let possible = label.block_size.is_power_of_two()
            && (512..=65536).contains(&label.block_size)
            && (1..=RECORD_BYTES).contains(&label.record_size)
            && label.record_size % label.block_size == 0
            && (1..=MAX_SETS).contains(&label.position)
            && (1..=64).contains(&label.families)
            && (1..=label.families).contains(&label.family);
        possible.then_some((label, length))
    }

    /// Bytes of the record that begins so.
    pub(super) fn length(bytes: &[u8]) -> Option<usize> {
        let prefix = bytes.get(..PREFIX)?;
        let number = |at: usize| {
            let field = prefix.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_le_bytes(field))
        };
        let length = PREFIX + number(12)? as usize + CHECKSUM;
        let is_label = prefix.starts_with(MAGIC) && number(8)? == VERSION;
        (is_label && length <= LABEL_BYTES).then_some(length)
    }
}
