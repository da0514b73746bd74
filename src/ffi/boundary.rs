//! Where errors and panics become result codes.

use super::types::vdi_result;
use crate::error::{ErrorKind, Result};
use crate::panics::contain;
use crate::protocol::codes::*;
use crate::sys::thread::without_cancellation;
use std::cell::RefCell;
use std::ffi::{CString, c_char};

/// Version of the library: major << 16 | minor << 8 | patch.
pub(super) const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
    | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
    | number(env!("CARGO_PKG_VERSION_PATCH"));

const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a version is made of numbers"),
    }
}

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// Runs the body of an exported function. No panic leaves it, and no cancellation ends it.
pub(super) fn guard(function: &str, body: impl FnOnce() -> Result<()>) -> vdi_result {
    match without_cancellation(|| contain(body)) {
        Some(Ok(())) => NOERROR,
        Some(Err(error)) => {
            remember(function, error.text());
            code(error.kind())
        }
        None => {
            remember(function, "internal error in the library; please report it");
            VD_E_UNEXPECTED
        }
    }
}

/// The published code of an error.
fn code(kind: ErrorKind) -> vdi_result {
    match kind {
        ErrorKind::Timeout => VD_E_TIMEOUT,
        ErrorKind::Abort => VD_E_ABORT,
        ErrorKind::Security => VD_E_SECURITY,
        ErrorKind::Invalid => VD_E_INVALID,
        ErrorKind::InstanceName => VD_E_INSTANCE_NAME,
        ErrorKind::NotSupported => VD_E_NOTSUPPORTED,
        ErrorKind::Memory => VD_E_MEMORY,
        ErrorKind::Unexpected => VD_E_UNEXPECTED,
        ErrorKind::Protocol => VD_E_PROTOCOL,
        ErrorKind::Open => VD_E_OPEN,
        ErrorKind::Close => VD_E_CLOSE,
        ErrorKind::Busy => VD_E_BUSY,
        ErrorKind::QueueFull => VD_E_QUEUE_FULL,
        ErrorKind::IoError => VD_E_IO_ERROR,
    }
}

/// Keeps the text of an error for this thread.
fn remember(function: &str, text: &str) {
    let mut line = format!("{function}: ");
    for character in text.chars() {
        // A name may hold any byte; the text is one line of a log.
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    let text = CString::new(line).unwrap_or_default();
    // A thread that is ending has no place for it any more.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = text);
}

/// The text of this thread's last error; valid until the next one.
pub(super) fn last_error_message() -> *const c_char {
    LAST_ERROR
        .try_with(|last| last.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use std::ffi::CStr;

    /// The last error of this thread.
    fn last() -> String {
        // SAFETY: never null, NUL-terminated, and valid until the next error of this thread.
        let text = unsafe { CStr::from_ptr(last_error_message()) };
        text.to_string_lossy().into_owned()
    }

    #[test]
    fn errors_and_panics_become_codes_with_a_text() {
        assert_eq!(guard("vdi_test", || Ok(())), NOERROR);
        assert_eq!(last(), "");
        let invalid = || Err(Error::new(ErrorKind::Invalid, "size is 0\0!"));
        assert_eq!(guard("vdi_test", invalid), VD_E_INVALID);
        assert_eq!(last(), "vdi_test: size is 0\\u{0}!");
        assert_eq!(guard("vdi_test", || panic!("a test")), VD_E_UNEXPECTED);
        assert!(last().contains("internal error"));
    }
}
