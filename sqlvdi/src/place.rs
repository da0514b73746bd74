//! Where the log goes. Another thread of the program may change the environment at any time but when a
//! set is opened, so it is read then and kept.

use std::ffi::{OsStr, OsString};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A value of `SQLVDI_LOG`. It stays for ever, since a thread may be about to write there; each is kept
/// once.
struct Place {
    value: OsString,
    older: Option<&'static Self>,
}

/// The last value that was new.
static NEWEST: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());
/// The value that holds. Not a lock, which a forked child may find taken.
static CURRENT: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());

/// Where the log goes, if anybody wants one.
pub(crate) fn current() -> Option<&'static OsStr> {
    at(&CURRENT).map(|place| place.value.as_os_str())
}

/// The log goes there from now on.
pub(crate) fn set(value: Option<OsString>) {
    let place = match value.filter(|value| !value.is_empty()) {
        None => ptr::null_mut(),
        Some(value) => known(&value).unwrap_or_else(|| add(value)),
    };
    CURRENT.store(place, Ordering::Release);
}

fn known(value: &OsStr) -> Option<*mut Place> {
    let mut next = at(&NEWEST);
    while let Some(place) = next {
        if place.value == value {
            return Some(ptr::from_ref(place).cast_mut());
        }
        next = place.older;
    }
    None
}

fn add(value: OsString) -> *mut Place {
    let older = at(&NEWEST);
    let place = Box::into_raw(Box::new(Place { value, older }));
    // Two threads that are here at once may lose one of two places from the list, and nothing else.
    NEWEST.store(place, Ordering::Release);
    place
}

fn at(place: &'static AtomicPtr<Place>) -> Option<&'static Place> {
    // SAFETY: null, or a place, which is never freed nor changed.
    unsafe { place.load(Ordering::Acquire).as_ref() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_kept_once_and_none_is_none() {
        let held = |value: &str| {
            set(Some(value.into()));
            current().map(OsStr::as_encoded_bytes)
        };
        let first = held("/a");
        assert_eq!(first, Some(&b"/a"[..]));
        assert_eq!(held("stderr"), Some(&b"stderr"[..]));
        assert_eq!(held("/a").map(<[u8]>::as_ptr), first.map(<[u8]>::as_ptr));
        assert_eq!(held(""), None);
        assert_eq!(held("/a"), first);
        set(None);
        assert_eq!(current(), None);
    }
}
