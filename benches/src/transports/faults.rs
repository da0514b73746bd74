//! Buffers whose memory comes page by page, when it is touched.

use super::Pair;
use crate::shared::{Bytes, touch};
use crate::side::{Job, Side};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

/// The near process touches all, then the far one.
pub struct FirstTouch {
    memory: Bytes,
    touched: crate::shared::Shared<Word>,
}

/// Whether the near process is ready.
pub struct Word(AtomicU32);

// SAFETY: an atomic.
unsafe impl crate::shared::Zeroed for Word {}

impl FirstTouch {
    pub fn new(job: &Job) -> io::Result<Self> {
        Ok(Self {
            memory: Bytes::lazy(job.size * job.buffers)?,
            touched: crate::shared::Shared::new()?,
        })
    }

    fn touch(&self) {
        // SAFETY: the mapping has this size, and the other process waits.
        unsafe { touch(self.memory.pointer(0), self.memory.len()) };
    }
}

impl Pair for FirstTouch {
    fn near(&self, side: &Side) {
        side.start();
        self.touch();
        self.touched.0.store(1, Ordering::Release);
        crate::os::futex_wake(&self.touched.0);
    }

    fn far(&self, side: &Side) {
        side.start();
        while self.touched.0.load(Ordering::Acquire) == 0 {
            crate::os::futex_wait(&self.touched.0, 0);
        }
        self.touch();
        side.end();
    }

    /// No bytes are carried.
    fn check(&self, _: &Side) -> Result<(), String> {
        Ok(())
    }
}
