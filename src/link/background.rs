//! Starting the threads of the library.

use crate::sync::thread;
use crate::sys::epoll::without_signals;
use std::io;

/// What the standard library takes, unless a variable of the environment says something else: whoever
/// starts a program with more rights must not have a say in it.
const STACK: usize = 2 << 20;

/// Starts a thread in which no handler of the application ever runs.
pub(super) fn start(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK);
    without_signals(|| thread.spawn(body)).map(drop)
}
