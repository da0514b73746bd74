//! Words that the kernel marks when their holder ends.

use crate::shm::control::LifeWord;
use crate::shm::layout::Life;
use crate::sync::{Ordering, futex_wake_one};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::AtomicUsize;

pub(crate) const OWNER_DIED: u32 = 0x4000_0000;

/// What a holder writes: a number of a thread, and that somebody may wait.
const HELD: u32 = 0x8000_0001;

/// The words of a thread.
pub(crate) struct List {
    /// How many are held. Of the tests, not of the model.
    held: AtomicUsize,
}

impl List {
    pub(crate) fn new() -> Self {
        Self {
            held: AtomicUsize::new(0),
        }
    }

    pub(crate) fn adopt(&self) {}

    /// The thread is about to end.
    pub(crate) fn give_up(&self) {
        assert_eq!(self.held.load(Ordering::SeqCst), 0, "words that are held");
    }

    pub(crate) fn hold(&'static self, fd: BorrowedFd<'_>, offset: usize) -> io::Result<Hold> {
        let word = LifeWord::of(fd, offset)?;
        word.life().word.store(HELD, Ordering::Release);
        self.held.fetch_add(1, Ordering::SeqCst);
        Ok(Hold { word, list: self })
    }
}

/// A word that is held; given back when dropped.
pub(crate) struct Hold {
    word: LifeWord,
    list: &'static List,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.word.life().word.store(0, Ordering::Release);
        self.list.held.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What the kernel does to the word of a thread that ends without giving it back.
pub(crate) fn end(life: &Life) {
    life.word.fetch_or(OWNER_DIED, Ordering::AcqRel);
    futex_wake_one(&life.word);
}
