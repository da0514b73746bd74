//! What a peer does between the calls of the program.

use super::{DIED, NAME, Peer, act, segment, wire};
use crate::bytes::Bytes;
use rustix::fs::ftruncate;
use segment::Segment;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Most further connections.
const MOST_OTHERS: usize = 3;

impl Peer {
    /// Does the thing of that number.
    pub(crate) fn act(&mut self, number: u8, bytes: &mut Bytes<'_>) {
        self.rest();
        match (number, self.segment.clone()) {
            (act::STORE, Some(segment)) => {
                let offset = segment.interesting(bytes.u8().into());
                segment.store(offset, any(bytes));
            }
            (act::STORE_ANYWHERE, Some(segment)) => {
                let offset = bytes.u16().into();
                let words: Vec<_> = (0..=bytes.below(8)).map(|_| any(bytes)).collect();
                segment.store_all(offset, &words);
            }
            (act::CONFIGURE, Some(segment)) => {
                segment.configure(bytes);
                segment.store(segment::PHASE, segment::CONFIGURED);
                segment.wake(segment::SET_BELL);
            }
            (act::NAME_DEVICES, Some(segment)) => segment.name_devices(bytes.below(3)),
            (act::SEND_COMMAND, Some(segment)) => segment.send_command(bytes),
            (act::SEND_COMPLETION, Some(segment)) => segment.send_completion(bytes),
            (act::GIVE_HANDLE, Some(segment)) => segment.give_handle(bytes),
            (act::MOVE_PHASE, Some(segment)) => {
                segment.store(segment::PHASE, bytes.likely(&[0, 1, 2, 3, 4, 5, 6, 7]));
                segment.wake(segment::SET_BELL);
            }
            (act::FLIP, Some(segment)) => self.flip(segment, bytes),
            (act::SEND_AREA, _) => self.send_area(bytes),
            (act::SEND_PACKET, _) => self.send_packet(bytes),
            (act::CONNECT_AGAIN, _) => self.connect_again(bytes),
            (act::HANG_UP, _) => self.socket = None,
            (act::SHRINK, _) => self.shrink(),
            // Without the segment there is nothing to write to.
            _ => {}
        }
    }

    /// Takes back all memory that is not sealed: who had taken it would be ended by a signal.
    fn shrink(&mut self) {
        for memory in &self.memories {
            if ftruncate(memory, 0).is_ok() {
                self.segment = None;
            }
        }
    }

    /// Lets a word change between two values until the next act.
    fn flip(&mut self, segment: Arc<Segment>, bytes: &mut Bytes<'_>) {
        let offset = segment.interesting(bytes.u8().into());
        let values = [any(bytes), any(bytes)];
        if offset == segment::PRIMARY_LIFE && (values[0] | values[1]) & DIED != 0 {
            return;
        }
        let (stop, begun) = (Arc::clone(&self.stop), Arc::new(AtomicBool::new(false)));
        stop.store(false, Ordering::SeqCst);
        let started = Arc::clone(&begun);
        self.worker.run(move || {
            while !stop.load(Ordering::Relaxed) {
                for value in values {
                    segment.store(offset, value);
                }
                started.store(true, Ordering::Relaxed);
            }
        });
        while !begun.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    }

    fn say(&self, packet: &[u8], memories: &[BorrowedFd<'_>]) {
        if let Some(socket) = &self.socket {
            wire::send(socket, packet, memories);
        }
    }

    fn send_area(&mut self, bytes: &mut Bytes<'_>) {
        let size = bytes.likely(&[65536, 131_072, 4096, 100, 65535]);
        let way = if bytes.rarely(8) {
            bytes.below(wire::WAYS)
        } else {
            0
        };
        let said = if bytes.rarely(8) {
            bytes.u64()
        } else {
            size.into()
        };
        let number = match bytes.u8() {
            0xff => bytes.u32(),
            skipped => self.areas.saturating_add(u32::from(skipped / 0x80)),
        };
        let memory = wire::memory(size.into(), way);
        self.say(&wire::sized(wire::AREA, number, said), &[memory.as_fd()]);
        self.memories.push(memory);
        self.areas += 1;
    }

    /// Any packet, mostly with a proper beginning.
    fn send_packet(&mut self, bytes: &mut Bytes<'_>) {
        let mut packet = match bytes.below(8) {
            0 => Vec::new(),
            kind => wire::message(kind as u32),
        };
        let length = usize::from(bytes.u16()) % (wire::MOST - packet.len());
        packet.extend(bytes.take(length));
        if packet.is_empty() {
            return;
        }
        let count = bytes.below(4);
        let memories: Vec<_> = (0..count).map(|_| wire::memory(65536, 0)).collect();
        let memories: Vec<_> = memories.iter().map(AsFd::as_fd).collect();
        self.say(&packet, &memories);
    }

    fn connect_again(&mut self, bytes: &mut Bytes<'_>) {
        if self.others.len() == MOST_OTHERS {
            self.others.remove(0);
        }
        if let Some(socket) = wire::connect_to(NAME) {
            let role = bytes.likely(&[1, 2, 3]);
            let name = if bytes.rarely(4) { b"else" } else { NAME };
            wire::send(&socket, &wire::hello(role, name), &[]);
            self.others.push(socket);
        }
    }
}

/// A value for a word.
fn any(bytes: &mut Bytes<'_>) -> u32 {
    bytes.likely(&[
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        63,
        64,
        DIED,
        DIED | 1,
        512,
        4096,
        65536,
    ])
}

impl Segment {
    /// Writes both sides' configuration, which mostly belong together.
    pub(super) fn configure(&self, bytes: &mut Bytes<'_>) {
        let prefix = bytes.likely(&[0, 0, 512]);
        let alignment = bytes.likely(&[0, 4096]);
        let requested = [self.devices(), 0, prefix, alignment, 0, 0, 0, 0, 0, 0, 0];
        let features = bytes.likely(&[3 << 16, 1 << 16]);
        let block = bytes.likely(&[512, 4096]);
        let decided = [
            self.devices(),
            features,
            prefix,
            alignment.max(block),
            0,
            0,
            0,
            block,
            4,
            bytes.likely(&[65536, 1 << 20]),
            65536,
        ];
        if self.load(segment::PHASE) == 0 {
            self.store_all(segment::REQUESTED, &requested);
        }
        self.store_all(segment::DECIDED, &decided);
    }

    /// Opens (1), closes (2) or does not open (0) the first devices as server, with their names.
    pub(super) fn name_devices(&self, server: usize) {
        for device in 0..self.devices().min(4) as usize {
            let name = match device {
                0 => NAME.to_vec(),
                _ => format!("set-{device}").into_bytes(),
            };
            let at = self.device(device, segment::NAME);
            self.store_text(at, &name, name.len() as u32);
            self.store(self.device(device, segment::SERVER), server as u32);
            self.wake(self.device(device, segment::BELL));
        }
    }

    /// Sends a command as the server, mostly a good one.
    fn send_command(&self, bytes: &mut Bytes<'_>) {
        let device = bytes.below(4) % self.devices().clamp(1, 64) as usize;
        let tail = self.device(device, segment::COMMAND_TAIL);
        let position = self.load(tail);
        let ticket = match bytes.u8() {
            0xf0.. => bytes.likely(&[63, 64, 127]),
            0xe0.. => 0,
            _ => position % self.capacity().max(1),
        };
        let code = bytes.likely(&[2, 1, 3, 12, 9]);
        let size = bytes.likely(&[512, 4096, 65536, 0]);
        let area = bytes.likely(&[0, u32::MAX, 1]);
        let offset = bytes.likely(&[4096, 0, 512, 61440, 65536, 65535]);
        let words = [ticket, code, size, area, bytes.u32(), 0, offset, 0];
        self.store_all(self.command(device, position), &words);
        let ahead = bytes.likely(&[1, 1, 1, 1, 64, 65]);
        self.store(tail, position.wrapping_add(ahead));
        self.wake(self.device(device, segment::BELL));
    }

    /// Sends a completion as the client, mostly a good one.
    fn send_completion(&self, bytes: &mut Bytes<'_>) {
        let device = bytes.below(4) % self.devices().clamp(1, 64) as usize;
        let tail = self.device(device, segment::COMPLETION_TAIL);
        let position = self.load(tail);
        let ticket = match bytes.u8() {
            0xf0.. => bytes.likely(&[63, 64, 127]),
            0xe0.. => 0,
            _ => position % self.capacity().max(1),
        };
        let code = bytes.likely(&[0, 38, 1117]);
        let words = [ticket, code, bytes.likely(&[0, 512, 4096]), 0, 0, 0];
        self.store_all(self.completion(device, position), &words);
        let ahead = bytes.likely(&[1, 1, 1, 1, 64, 65]);
        self.store(tail, position.wrapping_add(ahead));
        self.wake(segment::AGENT_BELL);
    }

    /// Writes the entry of a buffer handle: that of the client, or an invented one.
    fn give_handle(&self, bytes: &mut Bytes<'_>) {
        let device = bytes.below(4) % self.devices().clamp(1, 64) as usize;
        let ticket = bytes.u8().into();
        let entry = self.handle(device, ticket);
        let number = (device as u32)
            .wrapping_mul(self.capacity())
            .wrapping_add(ticket % self.capacity().max(1));
        let handle = match bytes.u8() {
            // As a program may guess it.
            0..0x80 => 1 << 12 | number,
            _ => self.load(entry),
        };
        let area = bytes.likely(&[0, 1]);
        let offset = bytes.likely(&[4096, 0, 512, 61440, 65536, 65535]);
        let size = bytes.likely(&[512, 4096, 65536, 0]);
        self.store_all(entry + 8, &[offset, 0, size, 0]);
        self.store_all(entry, &[handle, area]);
    }
}
