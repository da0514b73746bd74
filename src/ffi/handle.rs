//! Handles: keys of a table, never addresses.
//!
//! A handle is looked up, so a closed, foreign or invented one is an error and nothing worse, and a
//! call in progress keeps its object alive while another thread closes it. Keys are never used
//! again. A forked child starts with empty tables: the parent's handles mean nothing there, and no
//! lock that another thread of the parent held is ever touched.

use super::held::{Held, Poison};
use super::types::{vdi_device, vdi_server, vdi_server_device, vdi_set};
use super::views::DeviceView;
use crate::client;
use crate::error::Result;
use crate::protocol::state;
use crate::server;
use crate::sys::process::PerProcess;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The handle tables of one process.
struct Tables {
    sets: Table<vdi_set, client::Set>,
    devices: Table<vdi_device, DeviceView>,
    servers: Table<vdi_server, server::Set>,
    server_devices: Table<vdi_server_device, server::Device>,
}

/// Objects by key; `C` is the handle's type in C.
pub(super) struct Table<C, T> {
    entries: RwLock<BTreeMap<usize, Entry<T>>>,
    handle: PhantomData<fn(*mut C)>,
}

struct Entry<T> {
    /// Key of the set that the object belongs to; 0 for sets.
    owner: usize,
    object: Arc<T>,
}

/// Next key. Starts above every address that a runtime takes for null, and steps by 16 so that
/// handles look aligned.
static NEXT: AtomicUsize = AtomicUsize::new(1 << 20);

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
            sets: Table::new(),
            devices: Table::new(),
            servers: Table::new(),
            server_devices: Table::new(),
        }
    }
}

impl<C, T: Poison> Table<C, T> {
    fn new() -> Self {
        Self {
            entries: RwLock::new(BTreeMap::new()),
            handle: PhantomData,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<usize, Entry<T>>> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<usize, Entry<T>>> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, owner: usize, object: T) -> *mut C {
        let key = NEXT.fetch_add(16, Ordering::Relaxed);
        let object = Arc::new(object);
        self.write().insert(key, Entry { owner, object });
        ptr::without_provenance_mut(key)
    }

    /// The object behind a handle, for the time of one call.
    pub(super) fn get(&self, handle: *mut C) -> Result<Held<T>> {
        let entries = self.read();
        let entry = entries.get(&handle.addr()).ok_or_else(state::not_open)?;
        Ok(Held::new(Arc::clone(&entry.object)))
    }

    /// Whether a handle means anything.
    fn knows(&self, handle: *mut C) -> bool {
        self.read().contains_key(&handle.addr())
    }

    /// Adds an object of a set, unless the set was closed meanwhile.
    fn add_to<S, O: Poison>(&self, sets: &Table<S, O>, set: *mut S, object: T) -> Result<*mut C> {
        let handle = self.add(set.addr(), object);
        if !sets.knows(set) {
            drop(self.remove(handle));
            return Err(state::not_open());
        }
        Ok(handle)
    }

    /// Takes the object behind a handle; the handle is invalid from now on.
    pub(super) fn remove(&self, handle: *mut C) -> Result<Held<T>> {
        let removed = self.write().remove(&handle.addr());
        Ok(Held::new(removed.ok_or_else(state::not_open)?.object))
    }

    /// Removes all objects that belong to a set.
    pub(super) fn remove_owned<S>(&self, set: *mut S) {
        // Dropped after the lock is released: an object may hold the last reference to its set.
        let mut removed = Vec::new();
        self.write().retain(|_, entry| {
            let owned = entry.owner == set.addr();
            if owned {
                removed.push(Arc::clone(&entry.object));
            }
            !owned
        });
    }
}

impl<T: Poison> Table<vdi_set, T> {
    pub(super) fn insert(&self, set: T) -> *mut vdi_set {
        self.add(0, set)
    }
}

impl<T: Poison> Table<vdi_server, T> {
    pub(super) fn insert(&self, set: T) -> *mut vdi_server {
        self.add(0, set)
    }
}

impl Table<vdi_device, DeviceView> {
    pub(super) fn insert(
        &self,
        set: *mut vdi_set,
        device: client::Device,
    ) -> Result<*mut vdi_device> {
        self.add_to(sets(), set, DeviceView::new(device))
    }
}

impl Table<vdi_server_device, server::Device> {
    pub(super) fn insert(
        &self,
        set: *mut vdi_server,
        device: server::Device,
    ) -> Result<*mut vdi_server_device> {
        self.add_to(servers(), set, device)
    }
}
