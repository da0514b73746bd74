//! Descriptors that a peer has sent.

use super::channel::let_go;
use std::mem;
use std::os::fd::OwnedFd;

/// What came with a message. Unless it is taken, it is closed on a thread of its own, wherever it is
/// dropped: it may be more memory than anybody here can wait for.
#[derive(Debug)]
pub(crate) struct Received(pub(super) Vec<OwnedFd>);

impl Received {
    /// Takes the descriptor, if there is one and no other. Whoever then refuses it lets it go.
    pub(crate) fn take_only(mut self) -> Option<OwnedFd> {
        match self.0.len() {
            1 => self.0.pop(),
            _ => None,
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let_go(mem::take(&mut self.0));
    }
}
