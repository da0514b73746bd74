//! Little-endian fields at fixed offsets of the two blocks that begin and end a stripe.

/// Bytes of a header or trailer that carry information; the rest of the block is zero.
pub(crate) const HEADER_BYTES: usize = 512;
/// Where the checksum of such a block lies.
const CHECKSUM_AT: usize = HEADER_BYTES - 4;

/// The first 512 bytes of a header or trailer block.
#[derive(Clone)]
pub(super) struct Block(pub(super) [u8; HEADER_BYTES]);

impl Block {
    /// An empty block that begins with `magic`.
    pub(super) fn new(magic: &[u8; 8]) -> Self {
        let mut block = Self([0; HEADER_BYTES]);
        block.put(0, magic);
        block
    }

    /// Stores bytes.
    pub(super) fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Stores a 32-bit field.
    pub(super) fn put_u32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    /// Stores a 64-bit field.
    pub(super) fn put_u64(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    /// Stores the checksum; the block is complete.
    pub(super) fn sealed(mut self) -> Self {
        let checksum = crc32c::crc32c(&self.0[..CHECKSUM_AT]);
        self.put_u32(CHECKSUM_AT, checksum);
        self
    }

    /// Whether the block begins with `magic`.
    pub(super) fn has_magic(&self, magic: &[u8; 8]) -> bool {
        self.0[..8] == *magic
    }

    /// Whether the checksum is right.
    pub(super) fn is_intact(&self) -> bool {
        self.u32(CHECKSUM_AT) == crc32c::crc32c(&self.0[..CHECKSUM_AT])
    }

    /// A field of `N` bytes.
    pub(super) fn get<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.0[at..at + N]);
        bytes
    }

    /// A 32-bit field.
    pub(super) fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.get(at))
    }

    /// A 64-bit field.
    pub(super) fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.get(at))
    }
}
