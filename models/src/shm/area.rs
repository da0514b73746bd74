//! Buffer areas of a model: one value stands for the bytes of each page.

use super::registry::Registry;
use crate::error::{Error, Result};
use crate::sync::UnsafeCell;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

static MEMORIES: Registry<Memory> = Registry::new();

pub(crate) const MAX_AREAS: u32 = 512;

const PAGE: u64 = 4096;

/// What processes map. Neither atomic nor locked, as bytes are.
struct Memory(Vec<Page>);

struct Page(UnsafeCell<u64>);

// SAFETY: all threads of a run share one thread of the system, and no access spans a switch to
// another; what that hides, the model checker finds.
unsafe impl Sync for Page {}

pub(crate) struct Area {
    memory: Arc<Memory>,
    index: u32,
    /// Address in this process.
    base: usize,
}

impl Area {
    pub(crate) fn create(index: u32, size: u64) -> Result<(Self, OwnedFd)> {
        let pages = (0..size / PAGE).map(|_| Page(UnsafeCell::new(0))).collect();
        let memory = Arc::new(Memory(pages));
        let fd = MEMORIES
            .add(Arc::downgrade(&memory))
            .map_err(|error| Error::system("no descriptor", &error))?;
        Ok((Self::map(index, memory), fd))
    }

    pub(crate) fn open(index: u32, fd: &OwnedFd, _size: u64) -> Result<Self> {
        let memory = MEMORIES
            .find(fd.as_fd())
            .map_err(|error| Error::system("no buffer area", &error))?;
        Ok(Self::map(index, memory))
    }

    fn map(index: u32, memory: Arc<Memory>) -> Self {
        static FREE: AtomicUsize = AtomicUsize::new(1 << 30);
        let base = FREE.fetch_add(1 << 20, Ordering::Relaxed);
        Self {
            memory,
            index,
            base,
        }
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    pub(crate) fn size(&self) -> u64 {
        self.memory.0.len() as u64 * PAGE
    }
}

#[derive(Clone)]
pub struct Buffer {
    area: Arc<Area>,
    offset: u64,
    len: u64,
}

impl Buffer {
    pub(crate) fn new(area: Arc<Area>, offset: u64, len: u64, prefix: u64) -> Option<Self> {
        let end = offset.checked_add(len)?;
        (offset >= prefix && end <= area.size()).then_some(Self { area, offset, len })
    }

    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn address(&self) -> usize {
        self.area.base + self.offset as usize
    }

    pub(crate) fn place(&self) -> (u32, u64) {
        (self.area.index, self.offset)
    }

    fn bytes(&self) -> &UnsafeCell<u64> {
        &self.area.memory.0[(self.offset / PAGE) as usize].0
    }

    /// Changes the bytes.
    pub(crate) fn put(&self, value: u64) {
        // SAFETY: the model checker ends the run if another thread has access at the same time.
        self.bytes().with_mut(|bytes| unsafe { *bytes = value });
    }

    /// Looks at the bytes.
    pub(crate) fn get(&self) -> u64 {
        // SAFETY: as above.
        self.bytes().with(|bytes| unsafe { *bytes })
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({:?})", self.place())
    }
}
