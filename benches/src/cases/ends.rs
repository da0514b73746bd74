//! What happens when nothing happens: an idle set, and the death of a peer.

use super::round_trip::LIBVDI;
use super::{Case, Entry, Unit};
use crate::side::Job;
use crate::transports::death::{Hangup, Libvdis};
use crate::transports::libvdi::Libvdi;
use std::time::Duration;

// Names of rows; goals refer to them.
pub const CLIENT_DIES: &str = "libvdi, the client is killed";
pub const CLIENT_DIES_LARGE: &str = "libvdi, the client is killed, with 256 MiB";
pub const SERVER_DIES: &str = "libvdi, the server is killed";
pub const SERVER_DIES_LARGE: &str = "libvdi, the server is killed, with 256 MiB";
pub const HANGUP: &str = "bare socket";
pub const HANGUP_LARGE: &str = "bare socket, with 256 MiB";

fn death() -> Case {
    let job = Job {
        total: Some(1),
        deadly: true,
        ..Job::default()
    };
    let large = 256 << 20;
    let entries = vec![
        Entry::cell(CLIENT_DIES, &job, Libvdis::client(0)),
        Entry::cell(CLIENT_DIES_LARGE, &job, Libvdis::client(large)),
        Entry::cell(SERVER_DIES, &job, Libvdis::server(0)),
        Entry::cell(SERVER_DIES_LARGE, &job, Libvdis::server(large)),
        Entry::cell(HANGUP, &job, Hangup::new(0)),
        Entry::cell(HANGUP_LARGE, &job, Hangup::new(large)),
    ];
    let title = "From the SIGKILL of a process to the return of the other's call";
    Case {
        id: "death",
        title,
        unit: Unit::Whole,
        most_rounds: usize::MAX,
        entries,
    }
}

/// No command is ever sent: what counts are CPU time and context switches. Who waits looks again after
/// 1, 2, 4 and 8 seconds, and then every 16: the measurement lies between the fourth look and the fifth.
fn idle(quick: bool) -> Case {
    let (warm_up, window) = if quick { (0, 2) } else { (18, 10) };
    let job = Job {
        depth: 0,
        warm_up: Some(Duration::from_secs(warm_up)),
        window: Some(Duration::from_secs(window)),
        ..Job::default()
    };
    let title = "A set whose both sides wait: CPU time and context switches of all that time";
    Case {
        id: "idle",
        title,
        unit: Unit::Whole,
        most_rounds: 1,
        entries: vec![Entry::cell(LIBVDI, &job, Libvdi::new)],
    }
}

pub fn cases(quick: bool) -> Vec<Case> {
    vec![death(), idle(quick)]
}
