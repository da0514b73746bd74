//! Objects at numbered places: found without a lock, and kept while a call uses them.

use crate::sync::{Mutex, OnceCell, Ordering, OwnAtomicU64, PoisonError};
use crate::sys::thread::without_cancellation;
use std::cell::UnsafeCell;
use std::mem;
use std::ops::Deref;

/// Places of the first piece; each further piece has twice as many as the one before. A place never
/// moves, so it can be used while others are added.
const FIRST: usize = 32;
const PIECES: usize = 13;
/// Bits of the index of a place.
pub(super) const INDEX_BITS: u32 = 18;

/// Fields of a place's word: how many calls use the object, whether there is one, which it is.
const USERS: u64 = (1 << 22) - 1;
const STATE: u64 = 3 << 22;
const SEQUENCE: u32 = 24;

/// May be used.
const LIVE: u64 = 0;
/// Is used by the calls that began before, and goes with the last of them.
const CLOSED: u64 = 1 << 22;
/// Belongs to one thread, which puts an object in or takes it out.
const TAKEN: u64 = 2 << 22;
/// Has no object.
const VACANT: u64 = 3 << 22;

/// Places for objects, each of which has a sequence number that no other object ever has.
pub(super) struct Slots<T> {
    pieces: [OnceCell<Box<[Slot<T>]>>; PIECES],
    /// Held while a place is looked for, and never while an object is used or leaves: that may happen
    /// in a forked child, where nobody would release it.
    choosing: Mutex<()>,
}

/// One place. Threads that use different objects do not meet on a cache line, nor on the pair of
/// lines that processors fetch together.
#[repr(align(128))]
struct Slot<T> {
    word: OwnAtomicU64,
    /// Whom the object belongs to; written before the place is live.
    owner: OwnAtomicU64,
    object: UnsafeCell<Option<T>>,
}

// SAFETY: the cell is written by one thread at a time, the one that has made the place TAKEN. While the
// place is live or closed the cell is only read, by those whom the word counts as users.
unsafe impl<T: Send + Sync> Sync for Slot<T> {}

/// The piece and the place in it of an index.
fn place(index: usize) -> (usize, usize) {
    let piece = (index / FIRST + 1).ilog2() as usize;
    (piece, index + FIRST - (FIRST << piece))
}

impl<T> Slots<T> {
    pub(super) fn new() -> Self {
        Self {
            pieces: [const { OnceCell::new() }; PIECES],
            choosing: Mutex::new(()),
        }
    }

    fn slot(&self, index: usize) -> Option<&Slot<T>> {
        let (piece, at) = place(index);
        self.pieces.get(piece)?.get()?.get(at)
    }

    fn slots(&self) -> impl Iterator<Item = &Slot<T>> {
        let pieces = self.pieces.iter().map_while(OnceCell::get);
        pieces.flat_map(|piece| &**piece)
    }

    /// A place for an object; `None` if there is none left, or no memory for more.
    pub(super) fn reserve(&self) -> Option<Place<'_, T>> {
        let choosing = self.choosing.lock();
        let _choosing = choosing.unwrap_or_else(PoisonError::into_inner);
        let is_vacant = |slot: &Slot<T>| slot.word.load(Ordering::Acquire) & STATE == VACANT;
        let index = match self.slots().position(is_vacant) {
            Some(index) => index,
            None => self.grow()?,
        };
        let slot = self.slot(index)?;
        // The count stays: calls with an old handle may come and go at any time.
        slot.word.fetch_sub(VACANT - TAKEN, Ordering::Relaxed);
        Some(Place { slot, index })
    }

    /// Adds a piece; returns the index of its first place.
    fn grow(&self) -> Option<usize> {
        let mut pieces = self.pieces.iter().enumerate();
        let (number, piece) = pieces.find(|(_, piece)| piece.get().is_none())?;
        let mut slots = Vec::new();
        slots.try_reserve_exact(FIRST << number).ok()?;
        slots.extend((0..FIRST << number).map(|_| Slot::vacant()));
        piece.get_or_init(|| slots.into_boxed_slice());
        Some(FIRST * ((1 << number) - 1))
    }

    /// Keeps the object at a place, if it is the one with that number and open.
    pub(super) fn hold(&self, index: usize, sequence: u64) -> Option<Hold<'_, T>> {
        let slot = self.slot(index)?;
        let before = slot.word.fetch_add(1, Ordering::AcqRel);
        // Counted as a user whatever the place holds now, and until `hold` is dropped.
        let hold = Hold { slot };
        (before & !USERS == sequence << SEQUENCE | LIVE).then_some(hold)
    }

    /// Closes the object at a place, if it is the one with that number and open; it is dropped when
    /// nobody holds it any more.
    pub(super) fn close(&self, index: usize, sequence: u64) -> Option<Hold<'_, T>> {
        let hold = self.hold(index, sequence)?;
        let before = hold.slot.word.fetch_or(CLOSED, Ordering::AcqRel);
        // Another thread may have closed it in between.
        (before & STATE == LIVE).then_some(hold)
    }

    /// Closes every open object of an owner that gets no more of them. It holds no other.
    pub(super) fn close_all(&self, owner: u64) {
        for (index, slot) in self.slots().enumerate() {
            let word = slot.word.load(Ordering::Acquire);
            if word & STATE == LIVE && slot.owner.load(Ordering::Relaxed) == owner {
                // If that was the owner of a later object, this number is closed already.
                drop(self.close(index, word >> SEQUENCE));
            }
        }
    }
}

impl<T> Slot<T> {
    fn vacant() -> Self {
        Self {
            word: OwnAtomicU64::new(VACANT),
            owner: OwnAtomicU64::new(0),
            object: UnsafeCell::new(None),
        }
    }
}

/// A place that is nobody else's, for an object that may be made now; given back when dropped.
pub(super) struct Place<'a, T> {
    slot: &'a Slot<T>,
    index: usize,
}

impl<T> Place<'_, T> {
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// Puts an object in. `sequence` has at most 40 bits.
    pub(super) fn fill(self, sequence: u64, owner: u64, object: T) {
        let slot = self.slot;
        // SAFETY: the place is TAKEN, by this thread.
        unsafe { *slot.object.get() = Some(object) };
        slot.owner.store(owner, Ordering::Relaxed);
        self.turn_into(sequence << SEQUENCE | LIVE);
        mem::forget(self);
    }

    /// Changes all of the word but the count.
    fn turn_into(&self, new: u64) {
        let word = &self.slot.word;
        let old = word.load(Ordering::Relaxed) & !USERS;
        word.fetch_add(new.wrapping_sub(old), Ordering::Release);
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        self.turn_into(VACANT);
    }
}

/// An object that a call uses.
pub(super) struct Hold<'a, T> {
    slot: &'a Slot<T>,
}

impl<T> Hold<'_, T> {
    /// The object, if this is the last call that uses it and it was closed.
    fn leave(&self) -> Option<T> {
        let before = self.slot.word.fetch_sub(1, Ordering::AcqRel);
        if before & (STATE | USERS) != CLOSED | 1 {
            return None;
        }
        // A call with an old handle may have come meanwhile; then it is the one that does this.
        let closed = before - 1;
        let taken = closed - CLOSED + TAKEN;
        let word = &self.slot.word;
        word.compare_exchange(closed, taken, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        // SAFETY: this thread has made the place TAKEN.
        let object = unsafe { (*self.slot.object.get()).take() };
        word.fetch_add(VACANT - TAKEN, Ordering::Release);
        object
    }
}

impl<T> Deref for Hold<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: handed out only for a live place; it is not written while its word counts this user.
        let object = unsafe { &*self.slot.object.get() };
        // There is one since `fill` put it there.
        object.as_ref().expect("a live place has an object")
    }
}

impl<T> Drop for Hold<'_, T> {
    fn drop(&mut self) {
        if let Some(object) = self.leave() {
            // It closes descriptors, where a cancellation would end the thread in the middle.
            without_cancellation(|| drop(object));
        }
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
