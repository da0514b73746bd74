//! A run of pages with consecutive numbers: a small header, then each page with its checksum.

const MAGIC: &[u8; 8] = b"vdi-extn";
/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 32;
/// Bytes of a page's checksum.
pub(super) const CHECKSUM_BYTES: usize = 4;
/// Bytes of the header under its checksum.
const COVERED: usize = HEADER_BYTES - CHECKSUM_BYTES;

/// The header of an extent. Everything in it follows from the header of the stripe, so a reader
/// compares it with the one it expects.
pub(super) fn header(
    backup: &[u8; 16],
    extent: u64,
    first_page: u64,
    pages: u32,
) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..16].copy_from_slice(&extent.to_le_bytes());
    bytes[16..24].copy_from_slice(&first_page.to_le_bytes());
    bytes[24..28].copy_from_slice(&pages.to_le_bytes());
    // The identity of the backup goes in, so that no extent of another backup passes.
    let checksum = crc32c::crc32c_append(crc32c::crc32c(backup), &bytes[..COVERED]);
    bytes[COVERED..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The checksum of a page. Its number goes in, so that no page passes in another's place.
pub(super) fn checksum(page: u64, image: &[u8]) -> [u8; CHECKSUM_BYTES] {
    crc32c::crc32c_append(crc32c::crc32c(&page.to_le_bytes()), image).to_le_bytes()
}
