//! Panics inside the library: contained, and silent.

use crate::sync::{AtomicBool, Ordering};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::thread;

thread_local! {
    /// Whether this thread runs code of the library whose panics are contained.
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body`; `None` if it panics. The library prints nothing, so the panic hook is not called.
pub(crate) fn contain<T>(body: impl FnOnce() -> T) -> Option<T> {
    // Nobody waits for another thread here: in a forked child there may be none.
    static QUIET: AtomicBool = AtomicBool::new(false);
    // A thread that unwinds may not change the hook.
    if !QUIET.load(Ordering::Acquire) && !thread::panicking() && !QUIET.swap(true, Ordering::AcqRel)
    {
        quieten();
    }
    // Looked up once: in a shared library that is a call.
    let result = CONTAINED.with(|contained| {
        let before = contained.replace(true);
        let result = catch_unwind(AssertUnwindSafe(body));
        contained.set(before);
        result
    });
    match result {
        Ok(value) => Some(value),
        Err(payload) => {
            // Dropping an arbitrary payload may panic again, so it is leaked.
            std::mem::forget(payload);
            None
        }
    }
}

/// Runs code of the caller from inside [`contain`]: what it says about a panic is its own affair.
pub(crate) fn outside<T>(body: impl FnOnce() -> T) -> T {
    CONTAINED.with(|contained| {
        let before = contained.replace(false);
        let result = body();
        contained.set(before);
        result
    })
}

/// Keeps contained panics from the hook. The shared library has a hook of its own; a Rust program
/// shares one with this crate, and the panics of the program go to it as before.
fn quieten() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !CONTAINED.get() {
            before(info);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Once;

    thread_local! {
        static HEARD: Cell<u32> = const { Cell::new(0) };
    }

    /// The hook of this process, which counts the panics of each thread.
    fn count_panics() {
        static COUNTING: Once = Once::new();
        COUNTING.call_once(|| {
            // The library's own goes in front of it.
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                HEARD.set(HEARD.get() + 1);
                before(info);
            }));
        });
    }

    /// [LOG-02]
    #[test]
    fn only_contained_panics_are_silent() {
        count_panics();
        quieten();
        assert_eq!(contain(|| 1), Some(1));
        assert_eq!(contain(|| -> i32 { panic!("a test") }), None);
        assert_eq!(HEARD.get(), 0);
        let outer = contain(|| {
            let theirs = outside(|| catch_unwind(|| panic!("a test of the caller")));
            assert!(theirs.is_err());
            assert_eq!(HEARD.get(), 1);
            assert_eq!(contain(|| panic!("a test")), None::<()>);
            panic!("a test");
        });
        assert_eq!(outer, None::<()>);
        assert_eq!(HEARD.get(), 1);
        assert!(catch_unwind(|| panic!("a test of the program")).is_err());
        assert_eq!(HEARD.get(), 2);
    }
}
