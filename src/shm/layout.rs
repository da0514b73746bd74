//! What lies where in the control segment; described in `docs/shared-memory-format.md`.
//!
//! The segment is a [`Header`], then for each device a [`DeviceHeader`] followed by its command
//! slots, completion slots and buffer handle entries. Every multi-byte word is in native order:
//! all processes run on one machine. [MOD-02]

use crate::sync::{AtomicU32, AtomicU64};

/// First word of every control segment: "libvdi" and the kind of segment.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"libvdi\0C");
/// Layout version, major << 16 | minor. Another major is refused; a minor only adds.
pub(crate) const VERSION: u32 = 2 << 16;

/// Words of eight bytes in one slot of a ring.
pub(crate) const SLOT_WORDS: usize = 8;
/// Words of eight bytes in one buffer handle entry.
pub(crate) const HANDLE_WORDS: usize = 4;
/// Most slots of all devices together, so that a buffer handle can name each. [`super::control`]
pub(crate) const MAX_SLOTS: u32 = 4096;
/// Longest time to wait for a device name, in milliseconds: an hour.
pub(crate) const MAX_NAME_WAIT: u32 = 3_600_000;
/// Bytes of a text or name in the segment.
pub(crate) const TEXT_BYTES: usize = 256;
/// Words of eight bytes in a text or name.
pub(crate) const TEXT_WORDS: usize = TEXT_BYTES / 8;
/// Fields of a configuration.
pub(crate) const CONFIG_WORDS: usize = 11;

/// A text: its length is published last.
#[repr(C)]
pub(crate) struct Text {
    pub(crate) len: AtomicU32,
    pad: AtomicU32,
    pub(crate) bytes: [AtomicU64; TEXT_WORDS],
}

/// A word alone in two cache lines, so that writers of different words do not disturb each other.
#[repr(C, align(128))]
pub(crate) struct Line<T>(pub(crate) T);

/// A process that the others watch.
#[repr(C)]
pub(crate) struct Life {
    /// Held while the process is alive; see `sys::robust`. 0 if it is not held.
    pub(crate) word: AtomicU32,
    /// Process id, for messages only.
    pub(crate) pid: AtomicU32,
}

/// Byte offsets of the words that are held.
pub(crate) const PRIMARY_LIFE: usize = std::mem::offset_of!(Header, primary_life);
/// See [`PRIMARY_LIFE`].
pub(crate) const SERVER_LIFE: usize = std::mem::offset_of!(Header, server_life);

/// Start of the segment.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: AtomicU64,
    pub(crate) size: AtomicU64,
    pub(crate) version: AtomicU32,
    pub(crate) devices: AtomicU32,
    pub(crate) capacity: AtomicU32,
    /// Milliseconds that OpenDevice waits for a name. [AMB-16]
    pub(crate) name_wait: AtomicU32,
    /// Random; makes the buffer handles of different sets differ.
    pub(crate) tag: AtomicU64,
    /// What the client passed to Create.
    pub(crate) requested: [AtomicU32; CONFIG_WORDS],
    /// What the server decided; valid once the phase says Configured.
    pub(crate) decided: [AtomicU32; CONFIG_WORDS],
    /// One [`crate::protocol::state::Phase`].
    pub(crate) phase: Line<AtomicU32>,
    /// Doorbell of clients that wait for the phase or for device names.
    pub(crate) set_bell: Line<AtomicU32>,
    /// Doorbell of the completion agent.
    pub(crate) agent_bell: Line<AtomicU32>,
    /// Held by the primary's background thread; the kernel marks it when the process ends.
    pub(crate) primary_life: Line<Life>,
    /// Held by the server's background thread.
    pub(crate) server_life: Line<Life>,
    /// 0, then the reason code of the first process that aborts the set: it writes the reason.
    pub(crate) abort_claim: Line<AtomicU32>,
    /// The same; 0 until the text is complete.
    pub(crate) abort_code: AtomicU32,
    pub(crate) abort_text: Text,
}

/// Start of the block of one device.
#[repr(C)]
pub(crate) struct DeviceHeader {
    /// Participant that opened the device on the client side, 0 for none.
    pub(crate) owner: Line<AtomicU32>,
    /// One [`crate::protocol::state::ServerDevice`].
    pub(crate) server: AtomicU32,
    /// Published by the server's OpenDevice; length 0 until then.
    pub(crate) name: Text,
    /// Doorbell of the client thread that waits for a command.
    pub(crate) bell: Line<AtomicU32>,
    /// Commands published so far, modulo 2^32. Written by the server.
    pub(crate) command_tail: Line<AtomicU32>,
    /// Completions published so far, modulo 2^32. Written by the client.
    pub(crate) completion_tail: Line<AtomicU32>,
}

/// Bytes of the whole segment.
pub(crate) fn segment_size(devices: u32, capacity: u32) -> u64 {
    size_of::<Header>() as u64 + u64::from(devices) * device_size(capacity)
}

/// Bytes of the block of one device.
pub(crate) fn device_size(capacity: u32) -> u64 {
    let words = u64::from(capacity) * (2 * SLOT_WORDS + HANDLE_WORDS) as u64;
    (size_of::<DeviceHeader>() as u64 + words * 8).next_multiple_of(128)
}

/// Byte offset of the command slots within the block of a device.
pub(crate) const COMMANDS: usize = size_of::<DeviceHeader>();

/// Byte offset of the completion slots within the block of a device.
pub(crate) fn completions(capacity: u32) -> usize {
    COMMANDS + capacity as usize * SLOT_WORDS * 8
}

/// Byte offset of the buffer handle entries within the block of a device.
pub(crate) fn handles(capacity: u32) -> usize {
    completions(capacity) + capacity as usize * SLOT_WORDS * 8
}

// Two processes may run different builds of the library: the layout is a format, not an accident.
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<Text>() == 264);
    assert!(offset_of!(Header, version) == 16);
    assert!(offset_of!(Header, requested) == 40);
    assert!(offset_of!(Header, decided) == 84);
    assert!(offset_of!(Header, phase) == 128);
    assert!(offset_of!(Header, set_bell) == 256);
    assert!(offset_of!(Header, agent_bell) == 384);
    assert!(PRIMARY_LIFE == 512 && SERVER_LIFE == 640);
    assert!(offset_of!(Header, abort_claim) == 768);
    assert!(offset_of!(Header, abort_code) == 896);
    assert!(offset_of!(Header, abort_text) == 904);
    assert!(size_of::<Header>() == 1280);
    assert!(offset_of!(DeviceHeader, server) == 128);
    assert!(offset_of!(DeviceHeader, name) == 136);
    assert!(offset_of!(DeviceHeader, bell) == 512);
    assert!(offset_of!(DeviceHeader, command_tail) == 640);
    assert!(offset_of!(DeviceHeader, completion_tail) == 768);
    assert!(size_of::<DeviceHeader>() == 896);
};
