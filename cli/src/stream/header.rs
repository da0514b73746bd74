//! The block that begins a stripe and says what it belongs to.

use super::Geometry;
use super::wire::{Block, HEADER_BYTES};

const MAGIC: &[u8; 8] = b"vdi-head";
const VERSION: u32 = 1;
/// Longest source name, in bytes.
const MAX_NAME: usize = 255;

/// What a stripe says about itself and its backup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    /// Identity of the backup, the same in all its stripes and in no other backup.
    pub(crate) backup: [u8; 16],
    /// Number of this stripe, from 0.
    pub(crate) stripe: u32,
    /// The shape of the backup.
    pub(crate) geometry: Geometry,
    /// When the backup began, in seconds since 1970.
    pub(crate) created: u64,
    /// Name of the database, for people.
    pub(crate) name: String,
}

impl Header {
    /// The header of another stripe of the same backup.
    pub(super) fn of_stripe(&self, stripe: u32) -> Self {
        Self {
            stripe,
            ..self.clone()
        }
    }

    /// The header as the first 512 bytes of a stripe.
    pub(super) fn encode(&self) -> Block {
        let name = cut(&self.name, MAX_NAME);
        let mut block = Block::new(MAGIC);
        block.put_u32(8, VERSION);
        block.put_u32(12, self.geometry.block_size);
        block.put(16, &self.backup);
        block.put_u32(32, self.stripe);
        block.put_u32(36, self.geometry.stripes);
        block.put_u32(40, self.geometry.page_size);
        block.put_u32(44, self.geometry.extent_pages);
        block.put_u64(48, self.geometry.page_count);
        block.put_u64(56, self.created);
        block.put_u32(64, name.len() as u32);
        block.put(68, name.as_bytes());
        block.sealed()
    }

    /// Reads the first 512 bytes of a stripe, or says why they are not a header.
    pub(crate) fn decode(bytes: [u8; HEADER_BYTES]) -> Result<Self, String> {
        let block = Block(bytes);
        if !block.has_magic(MAGIC) {
            return Err("is not a stripe of a vdi backup".into());
        }
        let version = block.u32(8);
        if version != VERSION {
            return Err(format!(
                "has format version {version}; this tool reads version {VERSION}"
            ));
        }
        if !block.is_intact() {
            return Err("has an altered header".into());
        }
        let geometry = Geometry {
            stripes: block.u32(36),
            block_size: block.u32(12),
            page_size: block.u32(40),
            page_count: block.u64(48),
            extent_pages: block.u32(44),
        };
        geometry.check()?;
        let stripe = block.u32(32);
        if stripe >= geometry.stripes {
            return Err(format!("has an impossible stripe number, {stripe}"));
        }
        let length = block.u32(64) as usize;
        let name: [u8; MAX_NAME] = block.get(68);
        let name = name.get(..length).ok_or("has an impossible name length")?;
        let header = Self {
            backup: block.get(16),
            stripe,
            geometry,
            created: block.u64(56),
            name: String::from_utf8_lossy(name).into_owned(),
        };
        // What a writer leaves zero is zero, and a name is a text.
        if header.encode().0 != block.0 {
            return Err("has a header that no writer makes".into());
        }
        Ok(header)
    }
}

/// The longest beginning of `text` that has at most `limit` bytes.
fn cut(text: &str, limit: usize) -> &str {
    let fits = |at: &usize| text.is_char_boundary(*at);
    let end = (0..=limit.min(text.len())).rev().find(fits);
    &text[..end.unwrap_or(0)]
}
