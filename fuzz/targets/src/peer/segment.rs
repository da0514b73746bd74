//! A control segment, as a peer has it: `docs/shared-memory-format.md`, byte by byte.

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::thread::futex;
use std::os::fd::AsFd;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};

/// Offsets in the header.
pub(super) const NAME_WAIT: usize = 28;
pub(super) const REQUESTED: usize = 40;
pub(super) const DECIDED: usize = 84;
pub(super) const PHASE: usize = 128;
pub(super) const SET_BELL: usize = 256;
pub(super) const AGENT_BELL: usize = 384;
pub(super) const PRIMARY_LIFE: usize = 512;
const DEVICES: usize = 1280;

/// Offsets in the block of a device.
pub(super) const SERVER: usize = 128;
pub(super) const NAME: usize = 136;
pub(super) const BELL: usize = 512;
pub(super) const COMMAND_TAIL: usize = 640;
pub(super) const COMPLETION_TAIL: usize = 768;
const SLOTS: usize = 896;

/// Where a word may be of interest: in the header.
const HEADER_WORDS: [usize; 23] = [
    0, 8, 16, 20, 24, 28, 32, 40, 44, 48, 52, 84, 96, 112, 128, 256, 384, 512, 516, 640, 644, 768,
    896,
];
/// And in the block of each device, texts and the first slots included.
const DEVICE_WORDS: [usize; 12] = [0, 128, 136, 144, 512, 640, 768, 896, 900, 904, 908, 920];

/// Phases.
pub(super) const CREATED: u32 = 1;
pub(super) const CONFIGURED: u32 = 4;

/// Bytes of a segment.
pub(super) fn size(devices: u32, capacity: u32) -> u64 {
    (DEVICES as u64).saturating_add(u64::from(devices).saturating_mul(block(capacity) as u64))
}

fn block(capacity: u32) -> usize {
    (SLOTS + 160 * capacity as usize).next_multiple_of(128)
}

/// A mapped segment. The peer believes what it says about itself.
pub(super) struct Segment {
    base: *mut u8,
    length: usize,
    devices: u32,
    capacity: u32,
}

// SAFETY: the memory is reached through atomics only.
unsafe impl Send for Segment {}
// SAFETY: as above.
unsafe impl Sync for Segment {}

impl Segment {
    /// Maps memory of `length` bytes; `None` if that cannot be, or holds no header.
    pub(super) fn new(
        memory: impl AsFd,
        length: usize,
        devices: u32,
        capacity: u32,
    ) -> Option<Self> {
        if length < DEVICES {
            return None;
        }
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping.
        let base = unsafe { mmap(null_mut(), length, access, MapFlags::SHARED, memory, 0) };
        Some(Self {
            base: base.ok()?.cast(),
            length,
            devices,
            capacity,
        })
    }

    /// Maps the segment of a primary of the library.
    pub(super) fn of_library(memory: impl AsFd, length: usize) -> Self {
        let mut segment = Self::new(memory, length, 1, 1).expect("the library sends its segment");
        (segment.devices, segment.capacity) = (segment.load(20), segment.load(24));
        assert_eq!(size(segment.devices, segment.capacity), length as u64);
        segment
    }

    pub(super) fn devices(&self) -> u32 {
        self.devices
    }

    pub(super) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The word at an offset; beyond the end, another one.
    pub(super) fn word(&self, offset: usize) -> &AtomicU32 {
        let at = offset % (self.length - 4) / 4 * 4;
        // SAFETY: inside the mapping, aligned, and as alive as `self`.
        unsafe { &*self.base.wrapping_add(at).cast::<AtomicU32>() }
    }

    pub(super) fn load(&self, offset: usize) -> u32 {
        self.word(offset).load(Ordering::SeqCst)
    }

    pub(super) fn store(&self, offset: usize, value: u32) {
        self.word(offset).store(value, Ordering::SeqCst);
    }

    /// Stores some words.
    pub(super) fn store_all(&self, offset: usize, values: &[u32]) {
        for (index, value) in values.iter().enumerate() {
            self.store(offset + 4 * index, *value);
        }
    }

    /// Stores a text, and its length.
    pub(super) fn store_text(&self, offset: usize, text: &[u8], length: u32) {
        for (index, chunk) in text.chunks(4).enumerate() {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            self.store(offset + 8 + 4 * index, u32::from_le_bytes(word));
        }
        self.store(offset, length);
    }

    /// Wakes who sleeps on a word.
    pub(super) fn wake(&self, offset: usize) {
        let woken = futex::wake(self.word(offset), futex::Flags::empty(), u32::MAX >> 1);
        woken.expect("a futex can be woken");
    }

    /// The offset of something in the block of a device.
    pub(super) fn device(&self, device: usize, offset: usize) -> usize {
        DEVICES + device * block(self.capacity) + offset
    }

    /// The command slot for a position.
    pub(super) fn command(&self, device: usize, position: u32) -> usize {
        self.device(device, SLOTS + 64 * self.index(position))
    }

    /// The completion slot for a position.
    pub(super) fn completion(&self, device: usize, position: u32) -> usize {
        let first = self.device(device, SLOTS + 64 * self.capacity as usize);
        first + 64 * self.index(position)
    }

    /// The entry for the handle of a ticket.
    pub(super) fn handle(&self, device: usize, ticket: u32) -> usize {
        let first = self.device(device, SLOTS + 128 * self.capacity as usize);
        first + 32 * self.index(ticket)
    }

    fn index(&self, position: u32) -> usize {
        (position % self.capacity.max(1)) as usize
    }

    /// One of the offsets that are of interest.
    pub(super) fn interesting(&self, choice: usize) -> usize {
        let devices = self.devices.clamp(1, 4) as usize;
        match HEADER_WORDS.get(choice % (HEADER_WORDS.len() + devices * DEVICE_WORDS.len())) {
            Some(offset) => *offset,
            None => {
                let choice = choice - HEADER_WORDS.len();
                let word = DEVICE_WORDS[choice % DEVICE_WORDS.len()];
                self.device(choice / DEVICE_WORDS.len() % devices, word)
            }
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's, and nothing points into it any more.
        unsafe { munmap(self.base.cast(), self.length) }.expect("a mapping can be taken back");
    }
}
