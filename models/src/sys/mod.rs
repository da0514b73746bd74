//! The kernel of a model.

pub(crate) mod epoll;
pub(crate) mod process;
pub(crate) mod robust;

pub(crate) mod dir {
    pub(crate) fn effective_user() -> u32 {
        0
    }
}

/// No thread is cancelled.
pub(crate) mod thread {
    pub(crate) fn without_cancellation<T>(body: impl FnOnce() -> T) -> T {
        body()
    }
}

/// There is always memory.
pub(crate) mod heap {
    pub(crate) fn make_room() {}
}
