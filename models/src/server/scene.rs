//! A server at some moment of an operation.

use super::inner::{Inner, Stage};
use super::pool::{BufferRequest, Layout};
use super::{Device, Set};
use crate::participant::{Part, Participant, lock};
use crate::protocol::codes::VDF_WriteMedia;
use crate::protocol::config::{Configuration, ServerParameters};
use crate::protocol::name::Name;
use crate::protocol::state::{Phase, ServerDevice};
use crate::shm::area::{Area, Buffer};
use crate::shm::control::{self, Control};
use crate::sync::Ordering;
use std::sync::Arc;

/// A server that has joined a set, without a connection.
pub(crate) struct Server {
    inner: Arc<Inner>,
    pub(crate) set: Set,
}

impl Server {
    pub(crate) fn new(control: &Control, requested: Configuration) -> Self {
        let participant = Arc::new(Participant::new(control.again(), Part::Server));
        let inner = Arc::new(Inner::new(participant, requested));
        let set = Set::new(Arc::clone(&inner), None);
        Self { inner, set }
    }

    /// A server that has configured its set.
    pub(crate) fn configured(control: &Control, requested: Configuration) -> Self {
        let server = Self::new(control, requested);
        let mut progress = lock(&server.inner.progress);
        progress.config = requested.merged(&parameters()).unwrap();
        progress.stage = Stage::Configured;
        let header = control.header();
        control::write_config(&header.decided, progress.config.to_words());
        let phase = &header.phase.0;
        phase.store(Phase::Configured as u32, Ordering::Release);
        drop(progress);
        server
    }

    pub(crate) fn participant(&self) -> &Participant {
        &self.inner.participant
    }

    /// A device that is open.
    pub(crate) fn device(&self, control: &Control) -> Device {
        let mut progress = lock(&self.inner.progress);
        let index = progress.devices.len();
        let name = Name::new(&format!("{index}")).unwrap();
        let device = self.inner.add_device(&mut progress, name).unwrap();
        let word = &control.device(index).header().server;
        word.store(ServerDevice::Open as u32, Ordering::Release);
        Device::new(device)
    }

    /// Makes an area with one buffer in each page; the result is the area as the client maps it.
    pub(crate) fn buffers(&self, count: u32) -> Area {
        let request = BufferRequest {
            size: 4096,
            alignment: 4096,
            count,
        };
        let layout = Layout::new(&[request], 0).unwrap();
        let (area, fd) = Area::create(0, layout.size).unwrap();
        let theirs = Area::open(0, &fd, layout.size).unwrap();
        lock(&self.inner.pool).add(area, &layout);
        theirs
    }

    /// Adds an area of one page.
    pub(crate) fn add_area(&self) -> crate::Result<()> {
        let request = BufferRequest {
            size: 4096,
            alignment: 4096,
            count: 1,
        };
        let layout = Layout::new(&[request], 0)?;
        let (area, _) = Area::create(0, layout.size)?;
        self.inner.add_area(area, &layout)
    }

    pub(crate) fn has_no_area(&self) -> bool {
        lock(&self.inner.pool).next_area() == 0
    }

    pub(crate) fn allocate(&self) -> Buffer {
        self.set.allocate_buffer(4096, 4096).unwrap()
    }

    /// The primary has hung up.
    pub(crate) fn primary_gone(&self) {
        self.inner.primary_gone();
    }
}

/// What the server decides.
pub(crate) fn parameters() -> ServerParameters {
    ServerParameters {
        features: VDF_WriteMedia,
        block_size: 512,
        max_transfer_size: 65536,
        ..ServerParameters::default()
    }
}
