//! A bounded queue of messages between one producer and one consumer.
//!
//! Only the tail is shared. How full the queue is, is known without a shared head: a command is
//! outstanding from the moment it is sent until its completion is consumed, and no more than
//! `capacity` commands are ever outstanding, so no slot is written before it was read. Each side
//! keeps its own position in private memory, because the other side could change a shared one.

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// A ring over borrowed words. `slots` holds `capacity` messages of `words` words each.
#[derive(Clone, Copy)]
pub(crate) struct Ring<'a> {
    tail: &'a AtomicU32,
    slots: &'a [AtomicU64],
    words: usize,
}

/// The tail is further ahead than the ring is long: the other side has broken the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Overrun;

impl<'a> Ring<'a> {
    /// A ring whose slots have `words` words; their number must be a power of two.
    pub(crate) fn new(tail: &'a AtomicU32, slots: &'a [AtomicU64], words: usize) -> Self {
        debug_assert!((slots.len() / words).is_power_of_two());
        Self { tail, slots, words }
    }

    /// Number of slots.
    fn capacity(&self) -> u32 {
        u32::try_from(self.slots.len() / self.words).unwrap_or(u32::MAX)
    }

    fn slot(&self, position: u32) -> &'a [AtomicU64] {
        let index = (position & (self.capacity() - 1)) as usize;
        &self.slots[index * self.words..(index + 1) * self.words]
    }

    /// Producer: writes a message at `position`; the consumer does not see it before [`publish`].
    ///
    /// [`publish`]: Ring::publish
    pub(crate) fn write<const N: usize>(&self, position: u32, message: [u64; N]) {
        for (word, value) in self.slot(position).iter().zip(message) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Producer: makes every message before `end` visible to the consumer, and with it everything
    /// the producer wrote before, buffers included. Pairs with [`Ring::ready`]. [CDEV-COMPLETE-12]
    pub(crate) fn publish(&self, end: u32) {
        self.tail.store(end, Ordering::Release);
    }

    /// Consumer at `position`: how many messages can be read. Pairs with [`Ring::publish`].
    pub(crate) fn ready(&self, position: u32) -> Result<u32, Overrun> {
        let count = self.tail.load(Ordering::Acquire).wrapping_sub(position);
        if count > self.capacity() {
            return Err(Overrun);
        }
        Ok(count)
    }

    /// Consumer: copies the message at `position` out, each word read once.
    pub(crate) fn read<const N: usize>(&self, position: u32) -> [u64; N] {
        let slot = self.slot(position);
        std::array::from_fn(|index| slot[index].load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ring(start: u32, test: impl FnOnce(Ring<'_>, u32)) {
        let tail = AtomicU32::new(start);
        let slots: Vec<AtomicU64> = (0..4 * 2).map(|_| AtomicU64::new(0)).collect();
        test(Ring::new(&tail, &slots, 2), start);
    }

    #[test]
    fn messages_arrive_in_order_across_the_wrap_of_the_indices() {
        with_ring(u32::MAX - 2, |ring, start| {
            for round in 0..100_u32 {
                let at = start.wrapping_add(round);
                ring.write(at, [u64::from(round), 7]);
                assert_eq!(ring.ready(at), Ok(0), "unpublished messages are invisible");
                ring.publish(at.wrapping_add(1));
                assert_eq!(ring.ready(at), Ok(1));
                assert_eq!(ring.read(at), [u64::from(round), 7]);
            }
        });
    }

    #[test]
    fn a_batch_is_published_at_once() {
        with_ring(10, |ring, start| {
            for n in 0..4 {
                ring.write(start + n, [u64::from(n), 0]);
            }
            ring.publish(start + 4);
            assert_eq!(ring.ready(start), Ok(4));
            assert_eq!(ring.read(start + 3), [3, 0]);
        });
    }

    /// A tail that cannot be is reported, not followed. [SEC-07]
    #[test]
    fn an_impossible_tail_is_an_overrun() {
        with_ring(0, |ring, _| {
            ring.publish(5);
            assert_eq!(ring.ready(0), Err(Overrun));
            ring.publish(u32::MAX);
            assert_eq!(ring.ready(0), Err(Overrun));
        });
    }
}
