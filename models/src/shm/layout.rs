//! The words of the library's `shm::layout` that its code names.

use crate::sync::{AtomicU32, AtomicU64};

pub(crate) const SLOT_WORDS: usize = 4;
pub(crate) const HANDLE_WORDS: usize = 4;
pub(crate) const MAX_SLOTS: u32 = 4096;
pub(crate) const MAX_NAME_WAIT: u32 = 3_600_000;
/// One word: the more words, the more orders of no interest.
pub(crate) const TEXT_BYTES: usize = 8;
pub(crate) const TEXT_WORDS: usize = TEXT_BYTES / 8;
pub(crate) const CONFIG_WORDS: usize = 11;
pub(crate) const PRIMARY_LIFE: usize = 0;
pub(crate) const SERVER_LIFE: usize = 1;

#[derive(Default)]
pub(crate) struct Text {
    pub(crate) len: AtomicU32,
    pub(crate) bytes: [AtomicU64; TEXT_WORDS],
}

#[derive(Default)]
pub(crate) struct Line<T>(pub(crate) T);

#[derive(Default)]
pub(crate) struct Life {
    pub(crate) word: AtomicU32,
    pub(crate) pid: AtomicU32,
}

#[derive(Default)]
pub(crate) struct Header {
    pub(crate) requested: [AtomicU32; CONFIG_WORDS],
    pub(crate) decided: [AtomicU32; CONFIG_WORDS],
    pub(crate) phase: Line<AtomicU32>,
    pub(crate) set_bell: Line<AtomicU32>,
    pub(crate) agent_bell: Line<AtomicU32>,
    pub(crate) primary_life: Line<Life>,
    pub(crate) server_life: Line<Life>,
    pub(crate) abort_claim: Line<AtomicU32>,
    pub(crate) abort_code: AtomicU32,
    pub(crate) abort_text: Text,
}

#[derive(Default)]
pub(crate) struct DeviceHeader {
    pub(crate) owner: Line<AtomicU32>,
    pub(crate) server: AtomicU32,
    pub(crate) name: Text,
    pub(crate) bell: Line<AtomicU32>,
    pub(crate) command_tail: Line<AtomicU32>,
    pub(crate) completion_tail: Line<AtomicU32>,
}
