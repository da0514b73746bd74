//! A client at some moment of an operation.

use super::handles::Meaning;
use super::inner::{Inner, Link};
use super::{Device, Set, handles};
use crate::participant::Participant;
use crate::protocol::command::Place;
use crate::protocol::config::Configuration;
use crate::protocol::name::Name;
use crate::shm::area::Area;
use crate::shm::control::Control;
use std::sync::Arc;

/// A client that has joined a set, without a connection.
pub(crate) struct Client {
    inner: Arc<Inner>,
    pub(crate) set: Set,
}

struct NoLink;

impl Link for NoLink {}

impl Client {
    /// The participant with a number; 1 is the primary.
    pub(crate) fn new(control: &Control, requested: Configuration, number: u32) -> Self {
        let inner = Arc::new(Inner::new(control.again(), name(), requested, number));
        let set = Set::new(Arc::clone(&inner), Box::new(NoLink));
        Self { inner, set }
    }

    pub(crate) fn participant(&self) -> &Participant {
        &self.inner.participant
    }

    /// The server has hung up.
    pub(crate) fn server_left(&self) {
        self.inner.server_left();
    }

    pub(crate) fn add_area(&self, area: Area) {
        self.inner.add_area(Arc::new(area)).unwrap();
    }

    /// Opens a device of which it knows the number.
    pub(crate) fn take_device(&self, index: usize) -> crate::Result<Device> {
        let device = self.inner.take_device(index, &name())?;
        Ok(Device::new(device, name()))
    }
}

pub(crate) fn name() -> Name {
    Name::new("set").unwrap()
}

/// Publishes an entry for a buffer handle.
pub(crate) fn publish_handle(control: &Control, use_count: u32, offset: u64, size: u32) -> u32 {
    let place = Place { area: 0, offset };
    handles::publish(control, 0, 0, use_count, Meaning { place, size })
}

pub(crate) fn retire_handle(control: &Control) {
    handles::retire(control, 0, 0);
}

/// What a handle stands for: offset and size.
pub(crate) fn look_up_handle(control: &Control, handle: u32) -> Option<(u64, u32)> {
    handles::look_up(control, handle).map(|meaning| (meaning.place.offset, meaning.size))
}
