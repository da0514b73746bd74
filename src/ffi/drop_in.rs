//! What the drop-in library needs beyond the functions of C; see `sqlvdi`.

use super::types::{vdi_device, vdi_result, vdi_set};
use super::{boundary, handle};
use crate::panics::contain;
use crate::participant::AbortReason;
use crate::protocol::name::Name;
use crate::protocol::names;
use crate::sys::{heap, process, thread};
use std::ffi::{CStr, OsString};

/// Runs the body of a function that another C interface exports, as those of this one run: no
/// panic leaves it, and no cancellation ends it. `None` if it panics.
pub fn run_exported<T>(body: impl FnOnce() -> T) -> Option<T> {
    thread::without_cancellation(|| contain(body))
}

/// Whether there is room for small allocations, which otherwise end the process.
#[must_use]
pub fn has_room() -> bool {
    heap::has_room()
}

/// A variable of the environment; none in a program that runs with more rights than its caller.
#[must_use]
pub fn variable(name: &str) -> Option<OsString> {
    process::variable(name)
}

/// The name of a result code.
#[must_use]
pub fn result_name(result: vdi_result) -> &'static str {
    // The names are ASCII.
    names::result(result).to_str().unwrap_or_default()
}

/// What the last failing call on this thread complained about, without the name of the function.
#[must_use]
pub fn last_error() -> String {
    // SAFETY: never null, NUL-terminated, and valid until the next error of this thread.
    let text = unsafe { CStr::from_ptr(boundary::last_error_message()) };
    let text = text.to_string_lossy();
    let words = text.split_once(": ").map_or(&*text, |(_, words)| words);
    words.to_owned()
}

/// Whether a handle is that of an open set.
#[must_use]
pub fn is_open(set: *mut vdi_set) -> bool {
    handle::sets().get(set).is_ok()
}

/// What can be said of an open set or device.
pub struct Facts {
    /// The name of the set.
    pub set: Name,
    /// The name of the device.
    pub device: Option<Name>,
    /// Why the set is aborted.
    pub abort: Option<AbortReason>,
}

/// What can be said of a set; `None` if the handle is not open.
#[must_use]
pub fn set_facts(set: *mut vdi_set) -> Option<Facts> {
    let set = handle::sets().get(set).ok()?;
    Some(Facts {
        set: set.name().clone(),
        device: None,
        abort: set.abort_reason().ok()?,
    })
}

/// What can be said of a device; `None` if the handle is not open.
#[must_use]
pub fn device_facts(device: *mut vdi_device) -> Option<Facts> {
    let view = handle::devices().get(device).ok()?;
    let device = view.device();
    Some(Facts {
        set: device.set_name().clone(),
        device: Some(device.name().clone()),
        abort: device.abort_reason().ok()?,
    })
}
