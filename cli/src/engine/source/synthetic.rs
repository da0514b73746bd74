//! A database that is never stored: bytes that follow from a seed.

use super::{Source, Take, Target, Watch};
use crate::exit::{Exit, Failure};
use crate::media::{File, Kind};

/// Bytes that are made at a time.
const PART: usize = 64 << 10;
const WORD: usize = 8;

/// Size and seed.
#[derive(Clone, Debug)]
pub(crate) struct Synthetic {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) seed: u64,
}

impl Synthetic {
    /// The bytes from `at`, which is a multiple of [`PART`], as many as there are up to a part.
    fn part(&self, at: u64, into: &mut [u8; PART]) -> usize {
        let length = self.size.saturating_sub(at).min(PART as u64) as usize;
        for (k, word) in into.chunks_mut(WORD).enumerate() {
            word.copy_from_slice(&self.word(at / WORD as u64 + k as u64).to_le_bytes());
        }
        length
    }

    /// A word of the content: its number, mixed with the seed (the finish of splitmix64).
    fn word(&self, number: u64) -> u64 {
        let mut word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.seed;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }
}

impl Source for Synthetic {
    fn kind(&self) -> Kind {
        Kind::Synthetic
    }

    fn files(&self) -> Vec<File> {
        vec![File {
            logical: self.name.clone(),
            physical: format!("synthetic:{}:{}", self.size, self.seed),
            size: Some(self.size),
        }]
    }

    fn read(&mut self, _: Watch, take: Take) -> Result<(), Failure> {
        let mut part = [0; PART];
        let mut at = 0;
        while at < self.size {
            let length = self.part(at, &mut part);
            take(&part[..length])?;
            at += length as u64;
        }
        Ok(())
    }
}

/// Compares what is restored with what it should be.
pub(crate) struct SyntheticTarget {
    expected: Synthetic,
    at: u64,
    /// The part of the content in which `at` lies.
    part: Box<[u8; PART]>,
    length: usize,
}

impl SyntheticTarget {
    pub(crate) fn new(expected: Synthetic) -> Self {
        Self {
            expected,
            at: 0,
            part: Box::new([0; PART]),
            length: 0,
        }
    }

    fn differs(&self, what: &str) -> Failure {
        let message = format!(
            "synthetic database {}: {what} {}",
            self.expected.name, self.at
        );
        Failure::new(Exit::Stripes, message)
    }
}

impl Target for SyntheticTarget {
    fn write(&mut self, _: Watch, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let inside = (self.at % PART as u64) as usize;
            if inside == 0 {
                self.length = self.expected.part(self.at, &mut self.part);
            }
            let expected = &self.part[inside..self.length.max(inside)];
            let count = bytes.len().min(expected.len());
            if count == 0 || bytes[..count] != expected[..count] {
                return Err(self.differs("the backup differs from its seed and size behind byte"));
            }
            self.at += count as u64;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    fn commit(self: Box<Self>, _: Watch) -> Result<(), Failure> {
        match self.at == self.expected.size {
            true => Ok(()),
            false => Err(self.differs("the backup ends at byte")),
        }
    }
}
