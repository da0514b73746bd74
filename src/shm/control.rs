//! The control segment: one per set, made by the primary, mapped by every participant.

use super::layout::{self, DeviceHeader, Header};
pub(crate) use super::text::{read_config, read_text, write_config, write_text};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::{AtomicU64, Ordering};
use crate::sys::{memfd, process};
use memmap2::MmapRaw;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::slice;

/// A mapped control segment. The geometry is this process's own copy and was checked.
pub(crate) struct Control {
    memory: MmapRaw,
    fd: OwnedFd,
    geometry: Geometry,
}

/// What is fixed when the segment is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// Devices of the set.
    pub(crate) devices: u32,
    /// Slots of each ring, a power of two.
    pub(crate) capacity: u32,
    /// Milliseconds that OpenDevice waits for a name.
    pub(crate) name_wait: u32,
    /// Random tag of the set.
    pub(crate) tag: u64,
}

impl Control {
    /// Makes the segment of a new set. All words are zero but the geometry.
    pub(crate) fn create(devices: u32, capacity: u32, name_wait: u32) -> Result<Self> {
        let failed = |error| Error::memory("cannot create the memory of the set", &error);
        let size = layout::segment_size(devices, capacity);
        let fd = memfd::create(c"vdi-control", size).map_err(failed)?;
        memfd::reserve(fd.as_fd(), 0, size).map_err(failed)?;
        let tag = process::random_u64().map_err(failed)?;
        let control = Self {
            memory: MmapRaw::map_raw(&fd).map_err(failed)?,
            fd,
            geometry: Geometry {
                devices,
                capacity,
                name_wait,
                tag,
            },
        };
        let header = control.header();
        header.size.store(size, Ordering::Relaxed);
        header.version.store(layout::VERSION, Ordering::Relaxed);
        header.devices.store(devices, Ordering::Relaxed);
        header.capacity.store(capacity, Ordering::Relaxed);
        header.name_wait.store(name_wait, Ordering::Relaxed);
        header.tag.store(tag, Ordering::Relaxed);
        header.magic.store(layout::MAGIC, Ordering::Release);
        Ok(control)
    }

    /// Maps the segment behind a received descriptor after checking everything about it. What is
    /// refused comes back: closing it may take long.
    pub(crate) fn open(fd: OwnedFd, size: u64) -> std::result::Result<Self, (Error, OwnedFd)> {
        match map_checked(&fd, size) {
            Ok((memory, geometry)) => Ok(Self {
                memory,
                fd,
                geometry,
            }),
            Err(error) => Err((error, fd)),
        }
    }

    /// The checked geometry.
    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Size in bytes, for the handshake.
    pub(crate) fn size(&self) -> u64 {
        layout::segment_size(self.geometry.devices, self.geometry.capacity)
    }

    /// The descriptor, for the handshake.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The words of the set.
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: `create` and `open` made sure that the page-aligned mapping holds a Header; it
        // consists of atomics and lives as long as `self`.
        unsafe { &*self.memory.as_mut_ptr().cast::<Header>() }
    }

    /// The words of device `index`, which must be less than the number of devices.
    pub(crate) fn device(&self, index: usize) -> DeviceBlock<'_> {
        assert!(index < self.geometry.devices as usize, "no such device");
        let size = usize::try_from(layout::device_size(self.geometry.capacity))
            .expect("the segment is mapped, so its parts fit the address space");
        let offset = size_of::<Header>() + index * size;
        DeviceBlock {
            base: self.memory.as_mut_ptr().wrapping_add(offset),
            capacity: self.geometry.capacity,
            control: self,
        }
    }
}

/// Maps the segment behind a descriptor, and says what it holds.
fn map_checked(fd: &OwnedFd, size: u64) -> Result<(MmapRaw, Geometry)> {
    let refuse = |what: &str| {
        Error::new(
            ErrorKind::Unexpected,
            format!("the control segment is refused: {what}"),
        )
    };
    if size < size_of::<Header>() as u64 {
        return Err(refuse("it is too small"));
    }
    memfd::verify(fd.as_fd(), size)
        .map_err(|error| Error::memory("the control segment is refused", &error))?;
    let memory = MmapRaw::map_raw(fd)
        .map_err(|error| Error::memory("cannot map the control segment", &error))?;
    // SAFETY: a mapping of at least the size of a Header, page-aligned, of atomics only.
    let header = unsafe { &*memory.as_mut_ptr().cast::<Header>() };
    if header.magic.load(Ordering::Acquire) != layout::MAGIC {
        return Err(refuse("it does not begin with the magic number"));
    }
    let version = header.version.load(Ordering::Relaxed);
    if version >> 16 != layout::VERSION >> 16 {
        return Err(refuse("its layout has another major version"));
    }
    let geometry = Geometry {
        devices: header.devices.load(Ordering::Relaxed),
        capacity: header.capacity.load(Ordering::Relaxed),
        name_wait: header.name_wait.load(Ordering::Relaxed),
        tag: header.tag.load(Ordering::Relaxed),
    };
    geometry.check().map_err(refuse)?;
    if layout::segment_size(geometry.devices, geometry.capacity) != size {
        return Err(refuse("its size does not match its geometry"));
    }
    Ok((memory, geometry))
}

impl Geometry {
    fn check(&self) -> std::result::Result<(), &'static str> {
        if !(1..=64).contains(&self.devices) {
            return Err("it has an impossible number of devices");
        }
        let slots = u64::from(self.devices) * u64::from(self.capacity);
        if !self.capacity.is_power_of_two() || slots > u64::from(layout::MAX_SLOTS) {
            return Err("it has an impossible queue capacity");
        }
        if self.name_wait > layout::MAX_NAME_WAIT {
            return Err("it has an impossible time to wait for names");
        }
        Ok(())
    }
}

/// The words of one device.
#[derive(Clone, Copy)]
pub(crate) struct DeviceBlock<'a> {
    base: *mut u8,
    capacity: u32,
    control: &'a Control,
}

impl<'a> DeviceBlock<'a> {
    /// Names, state, doorbell and tails.
    pub(crate) fn header(&self) -> &'a DeviceHeader {
        // SAFETY: `Control::device` points at a block inside the segment, 128-aligned, that lives
        // as long as the Control; a DeviceHeader consists of atomics.
        unsafe { &*self.base.cast::<DeviceHeader>() }
    }

    /// Slots of the command ring.
    pub(crate) fn commands(&self) -> &'a [AtomicU64] {
        self.words(layout::COMMANDS, layout::SLOT_WORDS)
    }

    /// Slots of the completion ring.
    pub(crate) fn completions(&self) -> &'a [AtomicU64] {
        self.words(layout::completions(self.capacity), layout::SLOT_WORDS)
    }

    /// The buffer handle entry that belongs to a command slot.
    pub(crate) fn handle(&self, slot: u32) -> &'a [AtomicU64] {
        let entries = self.words(layout::handles(self.capacity), layout::HANDLE_WORDS);
        let at = slot as usize * layout::HANDLE_WORDS;
        &entries[at..at + layout::HANDLE_WORDS]
    }

    fn words(&self, offset: usize, per_slot: usize) -> &'a [AtomicU64] {
        let _: &'a Control = self.control;
        let start = self.base.wrapping_add(offset).cast::<AtomicU64>();
        // SAFETY: the range lies inside the block of the device (see `layout::device_size`), is
        // aligned to eight bytes, and lives as long as the Control.
        unsafe { slice::from_raw_parts(start, self.capacity as usize * per_slot) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reopened(control: &Control) -> Result<Control> {
        let fd = control.fd().try_clone_to_owned().unwrap();
        Control::open(fd, control.size()).map_err(|(error, _)| error)
    }

    #[test]
    fn a_segment_is_seen_by_a_second_mapping() {
        let control = Control::create(3, 64, 30_000).unwrap();
        let other = reopened(&control).unwrap();
        write_text(&control.device(2).header().name, b"third");
        control.device(2).handle(63)[1].store(9, Ordering::Relaxed);
        assert_eq!(read_text(&other.device(2).header().name), b"third");
        assert_eq!(other.device(2).handle(63)[1].load(Ordering::Relaxed), 9);
        assert_eq!(other.device(2).commands().len(), 64 * layout::SLOT_WORDS);
    }

    /// Whatever the header says, it is refused or within bounds. [SEC-07]
    #[test]
    fn a_changed_header_is_refused() {
        let spoil: [fn(&Header); 8] = [
            |h| h.magic.store(1, Ordering::Relaxed),
            |h| {
                h.version
                    .store(layout::VERSION + (1 << 16), Ordering::Relaxed)
            },
            |h| h.devices.store(0, Ordering::Relaxed),
            |h| h.devices.store(65, Ordering::Relaxed),
            |h| h.capacity.store(63, Ordering::Relaxed),
            |h| h.capacity.store(128, Ordering::Relaxed),
            |h| h.capacity.store(2 * layout::MAX_SLOTS, Ordering::Relaxed),
            |h| {
                h.name_wait
                    .store(layout::MAX_NAME_WAIT + 1, Ordering::Relaxed)
            },
        ];
        for spoil in spoil {
            let control = Control::create(2, 64, 0).unwrap();
            assert!(reopened(&control).is_ok());
            spoil(control.header());
            assert!(reopened(&control).is_err());
        }
    }

    /// [SEC-07]
    #[test]
    fn texts_are_cut_at_their_bound_and_hostile_lengths_are_harmless() {
        let control = Control::create(1, 64, 0).unwrap();
        let text = &control.header().abort_text;
        write_text(text, &[b'x'; 1000]);
        assert_eq!(read_text(text).len(), layout::TEXT_BYTES);
        text.len.store(u32::MAX, Ordering::Relaxed);
        assert_eq!(read_text(text).len(), layout::TEXT_BYTES);
    }
}
