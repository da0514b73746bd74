//! A primary that the library knows nothing good of: what it announces, and how it answers.

use super::segment::{self, Segment};
use super::wire;
use crate::bytes::Bytes;
use crate::case::MOST_MEMORY;
use std::os::fd::{AsFd, OwnedFd};

/// Makes a segment, good or not. Also gives its memory, and the size that it should have.
pub(super) fn segment(phase: u32, bytes: &mut Bytes<'_>) -> (Option<Segment>, OwnedFd, u64) {
    let devices = bytes.likely(&[1, 1, 2, 3, 64]);
    let capacity = bytes.likely(&[64, 64, 128, 2, 1, 63]);
    let size = segment::size(devices, capacity);
    let way = if bytes.rarely(8) {
        bytes.below(wire::WAYS)
    } else {
        0
    };
    let length = if bytes.rarely(16) {
        bytes.likely(&[1279, 1280, 0]).into()
    } else {
        size
    };
    let length = length.min(MOST_MEMORY);
    let memory = wire::memory(length, way);
    let mapped = Segment::new(&memory, length as usize, devices, capacity);
    if let Some(segment) = &mapped {
        fill(segment, phase, bytes);
        for _ in 0..bytes.below(8) {
            let offset = segment.interesting(bytes.u8().into());
            segment.store(offset, bytes.likely(&[0, 1, 2, 3, 4, 5, 6, 64]));
        }
        // It may make an OpenDevice wait for an hour.
        let wait = segment.load(segment::NAME_WAIT);
        if (2..=3_600_000).contains(&wait) {
            segment.store(segment::NAME_WAIT, 1);
        }
    }
    (mapped, memory, size)
}

/// What an honest primary writes, and a server for a phase beyond the first.
fn fill(segment: &Segment, phase: u32, bytes: &mut Bytes<'_>) {
    let magic = *b"libvdi\0C";
    let halves = [&magic[..4], &magic[4..]];
    for (half, at) in halves.into_iter().zip([0, 4]) {
        let half: [u8; 4] = half.try_into().expect("four bytes");
        segment.store(at, u32::from_le_bytes(half));
    }
    segment.store(16, 2 << 16);
    segment.store(20, segment.devices());
    segment.store(24, segment.capacity());
    segment.store(segment::NAME_WAIT, 1);
    segment.store(32, 0x1234_5678);
    segment.configure(bytes);
    segment.name_devices(usize::from(phase == segment::CONFIGURED));
    segment.store(segment::PHASE, phase);
}

/// How the primary answers the first message of who has connected.
pub(super) struct Answer {
    packet: Vec<u8>,
    memories: Vec<OwnedFd>,
    stays: bool,
}

impl Answer {
    pub(super) fn new(memory: OwnedFd, size: u64, bytes: &mut Bytes<'_>) -> Self {
        let way = if bytes.rarely(8) { bytes.below(6) } else { 0 };
        let size = size.wrapping_add_signed((bytes.likely(&[0, 0, 0, 0]) as i32).into());
        let mut packet = wire::sized(wire::WELCOME, 2, size);
        let mut memories = vec![memory];
        match way {
            1 => memories.clear(),
            2 => memories.push(wire::memory(4096, 0)),
            3 => {
                packet = wire::message(wire::REFUSED);
                packet.extend(bytes.take(300));
            }
            4 => packet = bytes.take(300).to_vec(),
            _ => {}
        }
        Self {
            packet,
            memories,
            stays: way != 5,
        }
    }

    /// Hears and answers; whether the connection stays.
    pub(super) fn give(self, socket: &OwnedFd) -> bool {
        wire::receive(socket);
        let memories: Vec<_> = self.memories.iter().map(AsFd::as_fd).collect();
        self.stays && wire::send(socket, &self.packet, &memories)
    }
}
