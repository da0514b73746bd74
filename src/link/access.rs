//! Who may take part in a set with whom. The kernel says who is at the other end of a connection.

use super::channel::Channel;
use crate::error::{Error, Result};
use crate::sys::dir::effective_user;
use crate::sys::socket;

/// Whom a process takes into its set, or takes a set from, besides its own user and root.
/// [SEC-03, SEC-04]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Access {
    /// Also this user.
    pub(crate) uid: Option<u32>,
    /// Also the members of this group.
    pub(crate) gid: Option<u32>,
}

impl Access {
    /// Whether a process of this user admits the one at the other end.
    pub(crate) fn admits(&self, user: u32, peer: &Channel) -> Result<bool> {
        let uid = peer.peer_uid();
        if uid == user || uid == 0 || self.uid == Some(uid) {
            return Ok(true);
        }
        let Some(gid) = self.gid else {
            return Ok(false);
        };
        let groups = socket::groups(peer.socket());
        let groups = groups.map_err(|error| {
            let what = format!("cannot learn the groups of process {}", peer.peer_pid());
            Error::system(what, &error)
        })?;
        Ok(peer.peer_gid() == gid || groups.contains(&gid))
    }

    /// The permissions of the socket of a set. [SEC-05, AMB-26]
    pub(super) fn mode(&self) -> u32 {
        let others = self.uid.is_some_and(|uid| uid != effective_user());
        match self.gid {
            // Whom the file does not stop, `admits` does.
            _ if others => 0o666,
            Some(_) => 0o660,
            None => 0o600,
        }
    }
}
