//! The block that ends a stripe: totals and digests, written last.

use super::Header;
use super::wire::{Block, HEADER_BYTES};

const MAGIC: &[u8; 8] = b"vdi-tail";
const STRIPE_DIGEST_AT: usize = 64;
const BACKUP_DIGEST_AT: usize = 96;

/// What is in a stripe and in the whole backup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Trailer {
    /// Digest of the stripe's header, extent headers and page checksums.
    pub(super) stripe_digest: [u8; 32],
    /// Digest of all page images of the backup.
    pub(super) backup_digest: [u8; 32],
}

impl Trailer {
    /// The trailer as the first 512 bytes of the last block of the stripe that `header` begins.
    pub(super) fn encode(&self, header: &Header) -> Block {
        let geometry = &header.geometry;
        let mut block = Block::new(MAGIC);
        block.put(8, &header.backup);
        block.put_u32(24, header.stripe);
        block.put_u32(28, geometry.stripes);
        block.put_u64(32, geometry.extents_in(header.stripe));
        block.put_u64(40, geometry.pages_in(header.stripe));
        block.put_u64(48, geometry.stripe_bytes(header.stripe));
        block.put_u64(56, geometry.page_count);
        block.put(STRIPE_DIGEST_AT, &self.stripe_digest);
        block.put(BACKUP_DIGEST_AT, &self.backup_digest);
        block.sealed()
    }

    /// Reads the trailer of the stripe that `header` begins, or says why it is none.
    pub(super) fn decode(bytes: [u8; HEADER_BYTES], header: &Header) -> Result<Self, String> {
        let block = Block(bytes);
        if !block.has_magic(MAGIC) {
            return Err("has something else where its end should be".into());
        }
        let trailer = Self {
            stripe_digest: block.get(STRIPE_DIGEST_AT),
            backup_digest: block.get(BACKUP_DIGEST_AT),
        };
        // All but the digests follows from the header.
        if trailer.encode(header).0 != block.0 {
            return Err("has an altered trailer, or that of another stripe".into());
        }
        Ok(trailer)
    }
}
