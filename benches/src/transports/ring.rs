//! A bare ring for messages in shared memory, with a bell to choose: what a library could reach
//! that does nothing else.

use super::channel::{Channel, Ends};
use crate::digest::Message;
use crate::shared::{Shared, Zeroed};
use crate::side::{Apart, Job, Role};
use std::cell::UnsafeCell;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// Messages of a ring: more than are ever outstanding, so that none is overwritten before it is read.
const SLOTS: u64 = 128;

/// How a side sleeps and is woken.
pub trait Bell: Sized {
    type Shared;

    fn new() -> io::Result<Self::Shared>;

    /// The bell of one process, which waits on one side and rings the other.
    fn end(shared: &Self::Shared, role: Role) -> Self;

    /// Messages have been published.
    fn ring(&mut self, messages: u64);

    /// Waits until `ready` may be true; is asked again.
    fn wait(&mut self, ready: impl Fn() -> bool);

    /// Whether messages are published together.
    const BATCHED: bool;
}

/// One direction.
#[repr(C, align(128))]
pub struct Ring {
    tail: Apart<AtomicU64>,
    slots: [UnsafeCell<Message>; SLOTS as usize],
}

// SAFETY: a slot is written before the tail says so, and not again before it was answered.
unsafe impl Sync for Ring {}

/// Both directions, by the role of the receiver.
#[repr(C)]
pub struct Rings([Ring; 2]);

// SAFETY: words and counters, which are valid as zeroes; sharing as above.
unsafe impl Zeroed for Rings {}

pub struct BareRing<B: Bell> {
    rings: Shared<Rings>,
    bell: B::Shared,
}

impl<B: Bell> BareRing<B> {
    pub fn new(_: &Job) -> io::Result<Self> {
        Ok(Self {
            rings: Shared::new()?,
            bell: B::new()?,
        })
    }
}

pub struct RingEnd<'a, B> {
    receiving: &'a Ring,
    sending: &'a Ring,
    read: u64,
    written: u64,
    published: u64,
    bell: B,
}

impl<B: Bell> Ends for BareRing<B> {
    type End<'a>
        = RingEnd<'a, B>
    where
        B: 'a;

    fn end(&self, role: Role) -> RingEnd<'_, B> {
        let own = role as usize;
        RingEnd {
            receiving: &self.rings.0[own],
            sending: &self.rings.0[1 - own],
            read: 0,
            written: 0,
            published: 0,
            bell: B::end(&self.bell, role),
        }
    }
}

impl<B: Bell> Channel for RingEnd<'_, B> {
    #[inline]
    fn send(&mut self, message: &Message) {
        let slot = &self.sending.slots[(self.written % SLOTS) as usize];
        // SAFETY: the message that was here has been answered.
        unsafe { slot.get().write(*message) };
        self.written += 1;
        if !B::BATCHED {
            self.flush();
        }
    }

    #[inline]
    fn flush(&mut self) {
        let new = self.written - self.published;
        if new > 0 {
            self.sending.tail.0.store(self.written, Ordering::Release);
            self.published = self.written;
            self.bell.ring(new);
        }
    }

    #[inline]
    fn receive(&mut self) -> Message {
        let (ring, read) = (self.receiving, self.read);
        let ready = || ring.tail.0.load(Ordering::Acquire) != read;
        self.bell.wait(ready);
        self.take()
    }

    #[inline]
    fn received(&mut self) -> Option<Message> {
        if !B::BATCHED || self.receiving.tail.0.load(Ordering::Acquire) == self.read {
            return None;
        }
        Some(self.take())
    }
}

impl<B> RingEnd<'_, B> {
    fn take(&mut self) -> Message {
        let slot = &self.receiving.slots[(self.read % SLOTS) as usize];
        self.read += 1;
        // SAFETY: published, and the sender does not write here before it has the answer.
        unsafe { slot.get().read() }
    }
}
