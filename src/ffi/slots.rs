//! Objects at numbered places: found without a lock, and kept while a call uses them.

use crate::sync::{Mutex, OnceCell, Ordering, OwnAtomicU64, PoisonError};
use crate::sys::thread::without_cancellation;
use std::cell::UnsafeCell;
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
/// Is being taken away by the last of them.
const LEAVING: u64 = 2 << 22;
/// Has no object.
const VACANT: u64 = 3 << 22;

/// Places for objects, each of which has a sequence number that no other object ever has.
pub(super) struct Slots<T> {
    pieces: [OnceCell<Box<[Slot<T>]>>; PIECES],
    /// Held while an object is put in, and never while one is used or leaves: that may happen in a
    /// forked child, where nobody would release it.
    inserting: Mutex<()>,
}

/// One place. Threads that use different objects do not meet on a cache line, nor on the pair of
/// lines that processors fetch together.
#[repr(align(128))]
struct Slot<T> {
    word: OwnAtomicU64,
    object: UnsafeCell<Option<T>>,
}

// SAFETY: the cell is written by one thread at a time: by `insert`, under its lock, while the place is
// vacant, and by the one that has made it LEAVING. While the place is live or closed the cell is only
// read, by those whom the word counts as users.
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
            inserting: Mutex::new(()),
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

    /// Puts an object at a vacant place and returns its index; `None` if there is no place left.
    /// `sequence` has at most 40 bits.
    pub(super) fn insert(&self, sequence: u64, object: T) -> Option<usize> {
        let inserting = self.inserting.lock();
        let _inserting = inserting.unwrap_or_else(PoisonError::into_inner);
        let is_vacant = |slot: &Slot<T>| slot.word.load(Ordering::Acquire) & STATE == VACANT;
        let index = match self.slots().position(is_vacant) {
            Some(index) => index,
            None => self.grow()?,
        };
        let slot = self.slot(index)?;
        // SAFETY: the place is vacant, and the lock is held.
        unsafe { *slot.object.get() = Some(object) };
        // The count stays: calls with an old handle may come and go at any time.
        let old = slot.word.load(Ordering::Relaxed) & !USERS;
        let new = sequence << SEQUENCE | LIVE;
        slot.word
            .fetch_add(new.wrapping_sub(old), Ordering::Release);
        Some(index)
    }

    /// Adds a piece; returns the index of its first place.
    fn grow(&self) -> Option<usize> {
        let mut pieces = self.pieces.iter().enumerate();
        let (number, piece) = pieces.find(|(_, piece)| piece.get().is_none())?;
        piece.get_or_init(|| (0..FIRST << number).map(|_| Slot::vacant()).collect());
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

    /// Closes every object that is open and meant.
    pub(super) fn close_all(&self, meant: impl Fn(&T) -> bool) {
        for (index, slot) in self.slots().enumerate() {
            let word = slot.word.load(Ordering::Acquire);
            if word & STATE != LIVE {
                continue;
            }
            let sequence = word >> SEQUENCE;
            if self.hold(index, sequence).is_some_and(|hold| meant(&hold)) {
                drop(self.close(index, sequence));
            }
        }
    }
}

impl<T> Slot<T> {
    fn vacant() -> Self {
        Self {
            word: OwnAtomicU64::new(VACANT),
            object: UnsafeCell::new(None),
        }
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
        let leaving = closed - CLOSED + LEAVING;
        let word = &self.slot.word;
        word.compare_exchange(closed, leaving, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        // SAFETY: this thread has made the place LEAVING.
        let object = unsafe { (*self.slot.object.get()).take() };
        word.fetch_add(VACANT - LEAVING, Ordering::Release);
        object
    }
}

impl<T> Deref for Hold<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: handed out only for a live place; it is not written while its word counts this user.
        let object = unsafe { &*self.slot.object.get() };
        // There is one since `insert` put it there.
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
