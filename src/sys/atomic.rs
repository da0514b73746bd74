//! The atomic words of the library.
//!
//! A build for tests, with `--cfg vdi_steps`, tells the test program of each write to them.

#[cfg(not(vdi_steps))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

#[cfg(vdi_steps)]
pub(crate) use super::steps::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};
