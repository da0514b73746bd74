//! Handles: keys of a table, never addresses.
//!
//! A handle is looked up, so a closed, foreign or invented one is an error and nothing worse, and a
//! call in progress keeps its object alive while another thread closes it. Keys are never used
//! again. A forked child starts with empty tables: the parent's handles mean nothing there, and no
//! lock that another thread of the parent held is ever touched.

use super::held::{Held, Poison};
use super::slots::{INDEX_BITS, Place, Slots};
use super::types::{vdi_device, vdi_server, vdi_server_device, vdi_set};
use super::views::{Commands, DeviceView};
use crate::client;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::state;
use crate::server;
use crate::sys::process::{self, PerProcess};
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
    slots: Slots<T>,
    handle: PhantomData<fn(*mut C)>,
}

/// A handle that has no object yet: a call takes one before it does anything that would have to be
/// undone without.
pub(super) struct Reserved<C, T: 'static> {
    key: usize,
    sequence: u64,
    place: Place<'static, T>,
    handle: PhantomData<fn(*mut C)>,
}

/// A key is a number that never comes again, the index of a place, the kind of the table, and four
/// zero bits, so that a handle looks like an aligned address. It is above every address that a
/// runtime takes for null.
const KIND: u32 = 4;
const INDEX: u32 = KIND + 2;
const SEQUENCE: u32 = INDEX + INDEX_BITS;

const _: () = assert!(
    usize::BITS == 64,
    "a handle has 40 bits for numbers that never come again"
);

/// Next number, of all tables and, beyond a fork, of all generations of them; 0 before the first.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A number that no other handle has. The first one is random, in half of the range, so that hardly
/// anything that was never a handle, such as a size, is taken for one.
fn next_number() -> u64 {
    if NEXT.load(Ordering::Relaxed) == 0 {
        let first = process::random_u64().unwrap_or_default() >> (SEQUENCE + 1);
        // Of several threads one is first.
        let _ = NEXT.compare_exchange(0, first.max(1), Ordering::Relaxed, Ordering::Relaxed);
    }
    NEXT.fetch_add(1, Ordering::Relaxed)
}

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

    /// A handle for an object that is about to be made.
    pub(super) fn reserve(&'static self) -> Result<Reserved<C, T>> {
        let sequence = next_number();
        let numbers = 1_u64 << (usize::BITS - SEQUENCE);
        let place = (sequence < numbers)
            .then(|| self.slots.reserve())
            .flatten()
            .ok_or_else(|| Error::new(ErrorKind::Memory, "there is no room for another handle"))?;
        let index = place.index() << INDEX;
        Ok(Reserved {
            key: (sequence as usize) << SEQUENCE | index | self.kind << KIND,
            sequence,
            place,
            handle: PhantomData,
        })
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

    /// Takes the object behind a handle; the handle is invalid from now on.
    pub(super) fn remove(&'static self, handle: *mut C) -> Result<Held<T>> {
        let place = self.place(handle);
        let hold = place.and_then(|(index, sequence)| self.slots.close(index, sequence));
        hold.map(Held::new).ok_or_else(state::not_open)
    }

    /// Removes all objects that belong to a set.
    pub(super) fn remove_owned<S>(&self, set: *mut S) {
        self.slots.close_all(set.addr() as u64);
    }
}

impl<C, T: Poison> Reserved<C, T> {
    fn fill(self, owner: usize, object: T) -> *mut C {
        self.place.fill(self.sequence, owner as u64, object);
        ptr::without_provenance_mut(self.key)
    }

    /// The handle of an object of a set, unless the set was closed meanwhile.
    fn fill_of<S, O: Poison>(
        self,
        table: &'static Table<C, T>,
        sets: &'static Table<S, O>,
        set: *mut S,
        object: T,
    ) -> Result<*mut C> {
        let handle = self.fill(set.addr(), object);
        // Looked for after it was added: a close removes what it finds, and the set before that.
        sets.get(set).inspect_err(|_| drop(table.remove(handle)))?;
        Ok(handle)
    }
}

impl Reserved<vdi_set, client::Set> {
    pub(super) fn set(self, set: client::Set) -> *mut vdi_set {
        self.fill(0, set)
    }
}

impl Reserved<vdi_server, server::Set> {
    pub(super) fn set(self, set: server::Set) -> *mut vdi_server {
        self.fill(0, set)
    }
}

impl Reserved<vdi_device, DeviceView> {
    pub(super) fn device(
        self,
        set: *mut vdi_set,
        device: client::Device,
        commands: Commands,
    ) -> Result<*mut vdi_device> {
        self.fill_of(devices(), sets(), set, DeviceView::new(device, commands))
    }
}

impl Reserved<vdi_server_device, server::Device> {
    pub(super) fn device(
        self,
        set: *mut vdi_server,
        device: server::Device,
    ) -> Result<*mut vdi_server_device> {
        self.fill_of(server_devices(), servers(), set, device)
    }
}
