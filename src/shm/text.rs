//! Texts and configurations in the control segment: many words, and which of them comes last.

use super::layout::{self, Text};
use crate::sync::{AtomicU32, Ordering};

/// Writes a text of at most [`layout::TEXT_BYTES`] bytes, the length last.
pub(crate) fn write_text(text: &Text, value: &[u8]) {
    let value = &value[..value.len().min(layout::TEXT_BYTES)];
    for (word, chunk) in text.bytes.iter().zip(value.chunks(8)) {
        let mut bytes = [0; 8];
        bytes[..chunk.len()].copy_from_slice(chunk);
        word.store(u64::from_ne_bytes(bytes), Ordering::Relaxed);
    }
    let len = u32::try_from(value.len()).unwrap_or(u32::MAX);
    text.len.store(len, Ordering::Release);
}

/// Reads a text into private memory; a length that is too large is cut.
pub(crate) fn read_text(text: &Text) -> Vec<u8> {
    let len = text.len.load(Ordering::Acquire) as usize;
    let mut value: Vec<u8> = text
        .bytes
        .iter()
        .flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes())
        .collect();
    value.truncate(len);
    value
}

/// Stores the fields of a configuration.
pub(crate) fn write_config(words: &[AtomicU32; layout::CONFIG_WORDS], values: [u32; 11]) {
    for (word, value) in words.iter().zip(values) {
        word.store(value, Ordering::Relaxed);
    }
}

/// Reads the fields of a configuration, each once.
pub(crate) fn read_config(words: &[AtomicU32; layout::CONFIG_WORDS]) -> [u32; 11] {
    std::array::from_fn(|index| words[index].load(Ordering::Relaxed))
}
