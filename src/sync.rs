//! The only import path for what threads and processes meet at: atomics, sleeping on them, locks,
//! threads.
//!
//! The modules above `sys` use nothing else, so that the model checkers can put their own versions
//! in this place. See `models`.

pub(crate) use once_cell::sync::OnceCell;
pub(crate) use std::sync::atomic::{Ordering, fence};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
pub(crate) use std::{thread, thread_local};

pub(crate) use crate::sys::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};

pub(crate) use crate::sys::futex::{
    MAX_WORDS as FUTEX_WORDS, wait as futex_wait, wait_any as futex_wait_any, wake as futex_wake,
};

/// For words that no other process sees: in the build that counts steps, writing them is none.
pub(crate) use std::sync::atomic::AtomicU64 as OwnAtomicU64;
