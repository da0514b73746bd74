//! Digests: of the numbers in round trips, and of the bytes in bulk commands.

use crc_fast::CrcAlgorithm;

/// A digest over words, which depends on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fold(u64);

impl Fold {
    #[inline]
    pub fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(23);
    }

    pub fn value(self) -> u64 {
        // 0 is what the board says before anybody has told anything.
        self.0 | 1
    }
}

/// CRC-32C.
#[inline]
pub fn checksum(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes)
}

/// What a round trip carries: 64 bytes, all made from a number.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Message(pub [u64; 8]);

/// The number that ends a run.
pub const STOP: u64 = u64::MAX;

impl Message {
    #[inline]
    pub fn new(number: u64) -> Self {
        let mut words = [number; 8];
        for (place, word) in words.iter_mut().enumerate().skip(1) {
            *word = number.rotate_left(8 * place as u32) ^ place as u64;
        }
        Self(words)
    }

    #[inline]
    pub fn is_stop(&self) -> bool {
        self.0[0] == STOP
    }

    /// One word that depends on all bytes.
    #[inline]
    pub fn word(&self) -> u64 {
        self.0
            .iter()
            .fold(0, |sum, word| sum.rotate_left(9).wrapping_add(*word))
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: plain words without padding.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), size_of::<Self>()) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above; any bytes are a value.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), size_of::<Self>()) }
    }
}
