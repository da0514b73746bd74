//! The control segment of a model.

use super::layout::{DeviceHeader, HANDLE_WORDS, Header, Life, PRIMARY_LIFE, SLOT_WORDS};
use super::registry::Registry;
pub(crate) use super::text::{read_config, read_text, write_config, write_text};
use crate::error::{Error, Result};
use crate::sync::AtomicU64;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

static SEGMENTS: Registry<Segment> = Registry::new();

/// What processes map.
struct Segment {
    header: Header,
    devices: Vec<Device>,
    geometry: Geometry,
}

struct Device {
    header: DeviceHeader,
    commands: Vec<AtomicU64>,
    completions: Vec<AtomicU64>,
    handles: Vec<AtomicU64>,
}

/// One process's mapping.
pub(crate) struct Control {
    segment: Arc<Segment>,
    fd: OwnedFd,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub(crate) devices: u32,
    pub(crate) capacity: u32,
    pub(crate) name_wait: u32,
    pub(crate) tag: u64,
}

impl Control {
    pub(crate) fn create(devices: u32, capacity: u32, name_wait: u32) -> Result<Self> {
        let words = |each: usize| {
            let count = capacity as usize * each;
            (0..count).map(|_| AtomicU64::new(0)).collect::<Vec<_>>()
        };
        let device = |_| Device {
            header: DeviceHeader::default(),
            commands: words(SLOT_WORDS),
            completions: words(SLOT_WORDS),
            handles: words(HANDLE_WORDS),
        };
        let segment = Arc::new(Segment {
            header: Header::default(),
            devices: (0..devices).map(device).collect(),
            geometry: Geometry {
                devices,
                capacity,
                name_wait,
                tag: 1,
            },
        });
        let fd = SEGMENTS
            .add(Arc::downgrade(&segment))
            .map_err(|error| Error::system("no descriptor", &error))?;
        Ok(Self { segment, fd })
    }

    pub(crate) fn open(fd: OwnedFd, _size: u64) -> std::result::Result<Self, (Error, OwnedFd)> {
        match SEGMENTS.find(fd.as_fd()) {
            Ok(segment) => Ok(Self { segment, fd }),
            Err(error) => Err((Error::system("no control segment", &error), fd)),
        }
    }

    /// The same segment, as another process has it.
    pub(crate) fn again(&self) -> Self {
        let fd = self.fd.try_clone().unwrap();
        Self {
            segment: Arc::clone(&self.segment),
            fd,
        }
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        &self.segment.geometry
    }

    pub(crate) fn size(&self) -> u64 {
        0
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(crate) fn header(&self) -> &Header {
        &self.segment.header
    }

    pub(crate) fn device(&self, index: usize) -> DeviceBlock<'_> {
        DeviceBlock(&self.segment.devices[index])
    }
}

#[derive(Clone, Copy)]
pub(crate) struct DeviceBlock<'a>(&'a Device);

impl<'a> DeviceBlock<'a> {
    pub(crate) fn header(&self) -> &'a DeviceHeader {
        &self.0.header
    }

    pub(crate) fn commands(&self) -> &'a [AtomicU64] {
        &self.0.commands
    }

    pub(crate) fn completions(&self) -> &'a [AtomicU64] {
        &self.0.completions
    }

    pub(crate) fn handle(&self, slot: u32) -> &'a [AtomicU64] {
        let at = slot as usize * HANDLE_WORDS;
        &self.0.handles[at..at + HANDLE_WORDS]
    }
}

/// The word of a life, and what keeps it in memory: for the kernel of the model.
pub(crate) struct LifeWord {
    segment: Arc<Segment>,
    offset: usize,
}

impl LifeWord {
    pub(crate) fn of(fd: BorrowedFd<'_>, offset: usize) -> io::Result<Self> {
        Ok(Self {
            segment: SEGMENTS.find(fd)?,
            offset,
        })
    }

    pub(crate) fn life(&self) -> &Life {
        let header = &self.segment.header;
        match self.offset {
            PRIMARY_LIFE => &header.primary_life.0,
            _ => &header.server_life.0,
        }
    }
}
