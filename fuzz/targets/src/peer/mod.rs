//! Another process of a set, which does not keep to the rules: what it writes to the shared memory and
//! says over its connection.

pub(crate) mod act;
mod acts;
mod host;
mod segment;
pub(crate) mod wire;

use crate::bytes::Bytes;
use crate::program::Worker;
use host::Answer;
use segment::Segment;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;

/// Name of the set that a peer takes part in.
const NAME: &[u8] = b"set";
/// The kernel's mark in the life word of a process that has died.
const DIED: u32 = 0x4000_0000;

/// What a guest is to the primary.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Server = 1,
    Secondary = 2,
}

/// A peer, as long as it is connected or has the segment.
pub(crate) struct Peer {
    segment: Option<Arc<Segment>>,
    socket: Option<OwnedFd>,
    /// Further connections.
    others: Vec<OwnedFd>,
    /// Areas that it has sent.
    areas: u32,
    /// What it could take back.
    memories: Vec<OwnedFd>,
    /// Changes a word all the time while the library works, until it is told to stop.
    worker: Worker,
    stop: Arc<AtomicBool>,
}

impl Peer {
    fn new(segment: Option<Segment>, socket: Option<OwnedFd>) -> Self {
        Self {
            segment: segment.map(Arc::new),
            socket,
            others: Vec::new(),
            areas: 0,
            memories: Vec::new(),
            worker: Worker::new(),
            stop: Arc::default(),
        }
    }

    /// The primary of a set that the program opens in `role` by `open`.
    pub(crate) fn host(role: Role, bytes: &mut Bytes<'_>, open: impl FnOnce()) -> Self {
        let phase = match role {
            Role::Server => segment::CREATED,
            Role::Secondary => segment::CONFIGURED,
        };
        let (segment, memory, size) = host::segment(phase, bytes);
        let mut peer = Self::new(segment, None);
        let kept = memory.try_clone().expect("a descriptor more");
        peer.memories.push(kept);
        let answer = Answer::new(memory, size, bytes);
        let announced = wire::Announced::new(NAME);
        let (give, taken) = channel();
        peer.worker.run(move || {
            let socket = announced.accept();
            let stays = answer.give(&socket);
            // The other end is there until it has received.
            let _ = give.send(stays.then_some(socket));
        });
        open();
        peer.worker.wait();
        peer.socket = taken.recv().ok().flatten();
        peer
    }

    /// The server, or a secondary, of a set that the program has created; without shared memory if it
    /// is not let in.
    pub(crate) fn guest(role: Role) -> Self {
        let Some(socket) = wire::connect_to(NAME) else {
            return Self::new(None, None);
        };
        wire::send(&socket, &wire::hello(role as u32, NAME), &[]);
        let (packet, memories) = wire::receive(&socket);
        let segment = memories.first().map(|memory| {
            let size: [u8; 8] = packet[16..24].try_into().expect("eight bytes");
            Segment::of_library(memory, u64::from_le_bytes(size) as usize)
        });
        Self::new(segment, Some(socket))
    }

    /// Ends the changing of words.
    pub(crate) fn rest(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.worker.wait();
    }

    /// Takes back the sign that the primary has died: for that, a close waits two seconds for its
    /// connection to end.
    pub(crate) fn revive_primary(&self) {
        if let Some(segment) = &self.segment {
            let life = segment.word(segment::PRIMARY_LIFE);
            life.fetch_and(!DIED, Ordering::SeqCst);
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.rest();
        self.revive_primary();
    }
}
