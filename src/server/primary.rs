//! The primary client, as the server may know it: whose set it opens.

use crate::link::access::Access;

/// Whose sets a server opens, besides those of its own user and of root.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// Another user.
    pub uid: Option<u32>,
    /// A group; its members' sets.
    pub gid: Option<u32>,
}

impl OpenOptions {
    pub(super) fn access(&self) -> Access {
        Access {
            uid: self.uid,
            gid: self.gid,
        }
    }
}

/// The process that created a set, as the kernel knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Primary {
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
    /// Its process id; 0 if a namespace hides it.
    pub pid: i32,
}
