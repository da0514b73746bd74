//! The only import path for atomics and for sleeping on them.
//!
//! `queue` uses nothing else, so that the model checker can put its own versions in this place.

pub(crate) use std::sync::atomic::{Ordering, fence};

pub(crate) use crate::sys::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};

pub(crate) use crate::sys::futex::{wait as futex_wait, wake as futex_wake};
