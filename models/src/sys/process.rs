//! Processes of a model: each run is one, and all participants are in it.

use crate::sync::lazy_static;
use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

static RUNS: AtomicU32 = AtomicU32::new(0);

lazy_static! {
    static ref RUN: u32 = RUNS.fetch_add(1, Ordering::Relaxed);
}

/// Number of the run.
pub(crate) fn generation() -> u32 {
    *RUN
}

pub(crate) fn processors() -> usize {
    1
}

pub(crate) fn random_u64() -> io::Result<u64> {
    Ok(1)
}

/// A value that every run has of its own. Runs of several models go on at a time, each on a thread of
/// the system.
pub(crate) struct PerProcess<T: 'static>(Mutex<BTreeMap<u32, &'static T>>);

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// The value of this run, made and kept if there is none. It is leaked, as in the library.
    pub(crate) fn get_or_make<E>(&self, make: impl Fn() -> Result<T, E>) -> Result<&'static T, E> {
        let run = generation();
        if let Some(value) = self.0.lock().unwrap().get(&run) {
            return Ok(value);
        }
        let made = make()?;
        let mut kept = self.0.lock().unwrap();
        Ok(kept.entry(run).or_insert_with(|| Box::leak(Box::new(made))))
    }
}
