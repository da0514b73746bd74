//! The buffers of a set: which exist, which are allocated, which are with the client.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::config::{Configuration, buffer_alignment};
use crate::shm::area::{Area, Buffer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Areas are multiples of this, so that any alignment fits at their start.
const AREA_UNIT: u64 = 65536;
/// Buffers of at least a page start at a page, so that direct input and output can use them.
const PAGE: u32 = 4096;

/// A call of RequestBuffers: that many buffers of that size and alignment.
#[derive(Clone, Copy, Debug)]
pub(super) struct BufferRequest {
    pub(super) size: u32,
    pub(super) alignment: u32,
    pub(super) count: u32,
}

/// Checks size and alignment of a buffer; returns its real alignment.
pub(super) fn check_buffer(size: u32, alignment: u32, config: &Configuration) -> Result<u32> {
    if size == 0 || i32::try_from(size).is_err() {
        let text = format!("size is {size}, not 1 to 2147483647");
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    buffer_alignment(alignment, config.alignment)
}

/// Size and alignment of a buffer; ordered by size.
type Class = (u32, u32);

/// All buffers of a set.
#[derive(Default)]
pub(super) struct Pool {
    areas: Vec<Arc<Area>>,
    slots: Vec<Slot>,
    /// Free slots; the one freed last is used first, while it is warm in the caches.
    free: BTreeMap<Class, Vec<usize>>,
    /// Allocated slots by the address of their data zone.
    allocated: BTreeMap<usize, usize>,
}

struct Slot {
    area: usize,
    offset: u64,
    class: Class,
    /// Size asked for, while allocated.
    size: u32,
    /// Outstanding commands that use it.
    in_flight: u32,
}

/// Where the buffers of some requests lie in one area.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Class, first offset, stride and count of each request.
    runs: Vec<(Class, u64, u64, u32)>,
    pub(super) size: u64,
}

impl Layout {
    /// Lays buffers out: padding, prefix zone, data zone, each data zone aligned. [BUF-03]
    pub(super) fn new(requests: &[BufferRequest], prefix: u32) -> Result<Self> {
        let mut runs = Vec::new();
        let mut end = 0_u64;
        for request in requests {
            let align = u64::from(match request.size {
                size if size >= PAGE => request.alignment.max(PAGE),
                _ => request.alignment,
            });
            // Cannot overflow: each of the summands has 32 bits.
            let stride = (u64::from(prefix) + u64::from(request.size)).next_multiple_of(align);
            let step = |by: u64| end.checked_add(by).ok_or_else(too_large);
            let first = step(u64::from(prefix))?
                .checked_next_multiple_of(align)
                .ok_or_else(too_large)?;
            let last = stride
                .checked_mul(u64::from(request.count - 1))
                .and_then(|length| first.checked_add(length))
                .ok_or_else(too_large)?;
            runs.push((
                (request.size, request.alignment),
                first,
                stride,
                request.count,
            ));
            end = last
                .checked_add(u64::from(request.size))
                .ok_or_else(too_large)?;
        }
        let size = end
            .checked_next_multiple_of(AREA_UNIT)
            .ok_or_else(too_large)?;
        Ok(Self { runs, size })
    }
}

fn too_large() -> Error {
    Error::new(
        ErrorKind::Invalid,
        "the sum of the requested buffers is too large",
    )
}

fn no_room(error: std::collections::TryReserveError) -> Error {
    let text = format!("this process cannot keep account of so many buffers: {error}");
    Error::new(ErrorKind::Memory, text)
}

impl Pool {
    /// Number of the next area.
    pub(super) fn next_area(&self) -> u32 {
        u32::try_from(self.areas.len()).unwrap_or(u32::MAX)
    }

    /// Makes room for knowing the buffers of an area that exists: what the caller asks for may be more
    /// than this process can even count, but not than there is memory for.
    pub(super) fn reserve(&mut self, layout: &Layout) -> Result<()> {
        let mut wanted = BTreeMap::<Class, usize>::new();
        for (class, _, _, count) in &layout.runs {
            let sum = wanted.entry(*class).or_default();
            *sum = sum.saturating_add(*count as usize);
        }
        let mut total = 0_usize;
        for (class, count) in wanted {
            let known = self.slots.iter().filter(|slot| slot.class == class);
            let known = known.count();
            let free = self.free.entry(class).or_default();
            // Those that are allocated now come back.
            let more = count.saturating_add(known - free.len());
            free.try_reserve(more).map_err(no_room)?;
            total = total.saturating_add(count);
        }
        self.slots.try_reserve(total).map_err(no_room)
    }

    /// Adds the buffers of an area, for which room was made.
    pub(super) fn add(&mut self, area: Area, layout: &Layout) {
        let index = self.areas.len();
        self.areas.push(Arc::new(area));
        for (class, first, stride, count) in &layout.runs {
            let free = self.free.entry(*class).or_default();
            // The lowest address on top of the stack.
            for n in (0..u64::from(*count)).rev() {
                free.push(self.slots.len());
                self.slots.push(Slot {
                    area: index,
                    offset: first + n * stride,
                    class: *class,
                    size: 0,
                    in_flight: 0,
                });
            }
        }
    }

    /// How many buffers of that size and alignment are free. [AMB-22]
    pub(super) fn available(&self, size: u32, alignment: u32) -> u32 {
        let fitting = self.free.range((size, 0)..);
        let count: usize = fitting
            .filter(|(class, _)| class.1 >= alignment)
            .map(|(_, free)| free.len())
            .sum();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Takes the smallest free buffer that fits. [SSET-ALLOC-01]
    pub(super) fn allocate(&mut self, size: u32, alignment: u32) -> Result<Buffer> {
        let index = self
            .free
            .range_mut((size, 0)..)
            .filter(|(class, _)| class.1 >= alignment)
            .find_map(|(_, free)| free.pop())
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Memory,
                    format!("no buffer of {size} bytes, aligned to {alignment}, is left"),
                )
            })?;
        let slot = &mut self.slots[index];
        slot.size = size;
        let area = Arc::clone(&self.areas[slot.area]);
        let buffer = Buffer::new(area, slot.offset, size.into(), 0)
            .ok_or_else(|| Error::new(ErrorKind::Unexpected, "a buffer is outside its area"))?;
        self.allocated.insert(buffer.address(), index);
        Ok(buffer)
    }

    /// Gives a buffer back. [SSET-FREE-01..03]
    pub(super) fn free(&mut self, address: usize, size: u32) -> Result<()> {
        let invalid = |text| Err(Error::new(ErrorKind::Invalid, text));
        let Some(&index) = self.allocated.get(&address) else {
            return invalid("buffer is not an allocated buffer of this set");
        };
        let slot = &self.slots[index];
        if slot.size != size {
            return invalid("size is not the size of this buffer");
        }
        if slot.in_flight > 0 {
            return invalid("a command with this buffer is outstanding");
        }
        self.allocated.remove(&address);
        self.free.entry(slot.class).or_default().push(index);
        Ok(())
    }

    /// Whether the address belongs to the data zone of an allocated buffer. [SSET-SHARED-01]
    pub(super) fn is_allocated(&self, address: usize) -> bool {
        let before = self.allocated.range(..=address).next_back();
        before.is_some_and(|(start, index)| address - start < self.slots[*index].size as usize)
    }

    /// Lends a buffer of at least `size` bytes to the client; `None` if there is no such buffer.
    /// The result is the number of its area and its offset there.
    pub(super) fn lend(&mut self, address: usize, size: u32) -> Option<(u32, u64)> {
        let slot = &mut self.slots[*self.allocated.get(&address)?];
        if size > slot.size {
            return None;
        }
        slot.in_flight += 1;
        Some((self.areas[slot.area].index(), slot.offset))
    }

    /// Takes a lent buffer back.
    pub(super) fn take_back(&mut self, address: usize) {
        if let Some(&index) = self.allocated.get(&address) {
            self.slots[index].in_flight -= 1;
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
