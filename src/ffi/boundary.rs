//! Where errors and panics become result codes.

use super::types::vdi_result;
use crate::error::{Error, ErrorKind, Result};
use crate::panics::contain;
use crate::protocol::codes::*;
use crate::sys::heap;
use crate::sys::thread::without_cancellation;
use std::cell::Cell;
use std::ffi::c_char;

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

/// Bytes of the longest text, with its closing NUL.
const LONGEST: usize = 2048;

/// A text that needs no memory when it is written: there may be none. All bytes after it are NUL.
struct Text {
    bytes: [Cell<u8>; LONGEST],
}

thread_local! {
    static LAST_ERROR: Text = const {
        Text { bytes: [const { Cell::new(0) }; LONGEST] }
    };
}

/// As [`guard`], for a function that allocates memory: without room for it the body does not run.
pub(super) fn guard_with_room(function: &str, body: impl FnOnce() -> Result<()>) -> vdi_result {
    guard(function, || {
        if !heap::has_room() {
            return Err(Error::new(
                ErrorKind::Memory,
                "this process is out of memory",
            ));
        }
        body()
    })
}

/// As [`guard`], for a function that must not fail for lack of memory.
pub(super) fn guard_the_end(function: &str, body: impl FnOnce() -> Result<()>) -> vdi_result {
    guard(function, || {
        heap::make_room();
        body()
    })
}

/// Runs the body of an exported function. No panic leaves it, and no cancellation ends it.
pub(super) fn guard(function: &str, body: impl FnOnce() -> Result<()>) -> vdi_result {
    without_cancellation(|| guard_the_quick(function, body))
}

/// As [`guard`], for what a client calls for each command: it meets no cancellation point, so the two
/// calls that would keep a cancellation away are spared. A sleep on a futex is none; see `slots` for
/// the end of a set that another thread has closed.
pub(super) fn guard_the_quick(function: &str, body: impl FnOnce() -> Result<()>) -> vdi_result {
    match contain(body) {
        Some(Ok(())) => NOERROR,
        Some(Err(error)) => {
            remember(function, error.text());
            error.kind().code()
        }
        None => {
            remember(function, "internal error in the library; please report it");
            VD_E_UNEXPECTED
        }
    }
}

/// Keeps the text of an error for this thread.
fn remember(function: &str, text: &str) {
    LAST_ERROR.with(|last| {
        let mut used = 0;
        // A name may hold any byte; the text is one line of a log, cut between characters.
        let pieces = [function, ": ", text];
        for character in pieces.iter().flat_map(|piece| piece.chars()) {
            let plain = (!character.is_control()).then_some(character);
            let escaped = plain.is_none().then(|| character.escape_default());
            for character in plain.into_iter().chain(escaped.into_iter().flatten()) {
                let mut bytes = [0; 4];
                let bytes = character.encode_utf8(&mut bytes).as_bytes();
                let Some(place) = last.bytes[..LONGEST - 1].get(used..used + bytes.len()) else {
                    break;
                };
                place.iter().zip(bytes).for_each(|(to, from)| to.set(*from));
                used += bytes.len();
            }
        }
        last.bytes[used..].iter().for_each(|byte| byte.set(0));
    });
}

/// The text of this thread's last error; valid until the next one.
pub(super) fn last_error_message() -> *const c_char {
    LAST_ERROR.with(|last| last.bytes.as_ptr().cast())
}

#[cfg(test)]
mod tests {
    use super::*;
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

    #[test]
    fn a_text_that_is_too_long_is_cut_between_characters() {
        let long = || Err(Error::new(ErrorKind::Invalid, "\u{20ac}".repeat(LONGEST)));
        guard("vdi_test", long);
        let text = last();
        assert!(text.starts_with("vdi_test: \u{20ac}") && text.ends_with('\u{20ac}'));
        assert!(
            text.len() < LONGEST && text.len() > LONGEST - 8,
            "{}",
            text.len()
        );
        guard("vdi_test", || Err(Error::new(ErrorKind::Invalid, "short")));
        assert_eq!(last(), "vdi_test: short");
    }
}
