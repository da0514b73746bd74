//! Handles: keys of a table, never addresses.
//!
//! A handle is looked up, so a closed, foreign or invented one is an error and nothing worse, and a
//! call in progress keeps its object alive while another thread closes it. Keys are never used
//! again. A forked child starts with empty tables: the parent's handles mean nothing there, and no
//! lock that another thread of the parent held is ever touched.

use super::held::{Held, Poison};
use super::slots::{INDEX_BITS, Slots};
use super::types::{vdi_device, vdi_server, vdi_server_device, vdi_set};
use super::views::DeviceView;
use crate::client;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::state;
use crate::server;
use crate::sys::process::PerProcess;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// The handle tables of one process.
struct Tables {
    sets: Table<vdi_set, client::Set>,
    devices: Table<vdi_device, DeviceView>,
    servers: Table<vdi_server, server::Set>,
    server_devices: Table<vdi_server_device, server::Device>,
}

/// Objects by key; `C` is the handle's type in C.
pub(super) struct Table<C, T> {
    /// Tells the keys of this table from those of the others.
    kind: usize,
    slots: Slots<Entry<T>>,
    handle: PhantomData<fn(*mut C)>,
}

/// An object in a table.
pub(super) struct Entry<T> {
    /// Key of the set that it belongs to; 0 for sets.
    pub(super) owner: usize,
    pub(super) object: T,
}

/// A key is a number that never comes again, the index of a place, the kind of the table, and four
/// zero bits, so that a handle looks like an aligned address. It is above every address that a
/// runtime takes for null.
const KIND: u32 = 4;
const INDEX: u32 = KIND + 2;
const SEQUENCE: u32 = INDEX + INDEX_BITS;

/// Next number, of all tables and, beyond a fork, of all generations of them.
static NEXT: AtomicU64 = AtomicU64::new(1);

pub(super) fn sets() -> &'static Table<vdi_set, client::Set> {
    &tables().sets
}

pub(super) fn devices() -> &'static Table<vdi_device, DeviceView> {
    &tables().devices
}

pub(super) fn servers() -> &'static Table<vdi_server, server::Set> {
    &tables().servers
}

pub(super) fn server_devices() -> &'static Table<vdi_server_device, server::Device> {
    &tables().server_devices
}

/// The tables of this process.
fn tables() -> &'static Tables {
    static CURRENT: PerProcess<Tables> = PerProcess::new();
    let made: std::result::Result<_, Infallible> = CURRENT.get_or_make(|| Ok(Tables::new()));
    match made {
        Ok(tables) => tables,
        Err(never) => match never {},
    }
}

impl Tables {
    fn new() -> Self {
        Self {
            sets: Table::new(0),
            devices: Table::new(1),
            servers: Table::new(2),
            server_devices: Table::new(3),
        }
    }
}

impl<C, T: Poison> Table<C, T> {
    fn new(kind: usize) -> Self {
        Self {
            kind,
            slots: Slots::new(),
            handle: PhantomData,
        }
    }

    fn add(&self, owner: usize, object: T) -> Result<*mut C> {
        let sequence = NEXT.fetch_add(1, Ordering::Relaxed);
        let numbers = 1_u64 << (usize::BITS - SEQUENCE);
        let entry = Entry { owner, object };
        let index = (sequence < numbers)
            .then(|| self.slots.insert(sequence, entry))
            .flatten()
            .ok_or_else(|| Error::new(ErrorKind::Memory, "there are too many handles"))?;
        let key = (sequence as usize) << SEQUENCE | index << INDEX | self.kind << KIND;
        Ok(ptr::without_provenance_mut(key))
    }

    /// Index and number of a handle; `None` if it is none of this table.
    fn place(&self, handle: *mut C) -> Option<(usize, u64)> {
        let key = handle.addr();
        let kind = key & ((1 << INDEX) - 1);
        let index = key >> INDEX & ((1 << INDEX_BITS) - 1);
        (kind == self.kind << KIND).then_some((index, (key >> SEQUENCE) as u64))
    }

    /// The object behind a handle, for the time of one call.
    pub(super) fn get(&'static self, handle: *mut C) -> Result<Held<T>> {
        let place = self.place(handle);
        let hold = place.and_then(|(index, sequence)| self.slots.hold(index, sequence));
        hold.map(Held::new).ok_or_else(state::not_open)
    }

    /// Adds an object of a set, unless the set was closed meanwhile.
    fn add_to<S, O: Poison>(
        &'static self,
        sets: &'static Table<S, O>,
        set: *mut S,
        object: T,
    ) -> Result<*mut C> {
        let handle = self.add(set.addr(), object)?;
        // Looked for after it was added: a close removes what it finds, and the set before that.
        sets.get(set).inspect_err(|_| drop(self.remove(handle)))?;
        Ok(handle)
    }

    /// Takes the object behind a handle; the handle is invalid from now on.
    pub(super) fn remove(&'static self, handle: *mut C) -> Result<Held<T>> {
        let place = self.place(handle);
        let hold = place.and_then(|(index, sequence)| self.slots.close(index, sequence));
        hold.map(Held::new).ok_or_else(state::not_open)
    }

    /// Removes all objects that belong to a set.
    pub(super) fn remove_owned<S>(&self, set: *mut S) {
        self.slots.close_all(|entry| entry.owner == set.addr());
    }
}

impl<T: Poison> Table<vdi_set, T> {
    pub(super) fn insert(&self, set: T) -> Result<*mut vdi_set> {
        self.add(0, set)
    }
}

impl<T: Poison> Table<vdi_server, T> {
    pub(super) fn insert(&self, set: T) -> Result<*mut vdi_server> {
        self.add(0, set)
    }
}

impl Table<vdi_device, DeviceView> {
    pub(super) fn insert(
        &'static self,
        set: *mut vdi_set,
        device: client::Device,
    ) -> Result<*mut vdi_device> {
        self.add_to(sets(), set, DeviceView::new(device))
    }
}

impl Table<vdi_server_device, server::Device> {
    pub(super) fn insert(
        &'static self,
        set: *mut vdi_server,
        device: server::Device,
    ) -> Result<*mut vdi_server_device> {
        self.add_to(servers(), set, device)
    }
}
