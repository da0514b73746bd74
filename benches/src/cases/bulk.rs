//! Data through buffers.

use super::round_trip::{LIBVDI, LIBVDI_RUST};
use super::{Case, Entry, Unit};
use crate::side::Job;
use crate::transports::bells::{Futex, Semaphore, Spin};
use crate::transports::buffers::Buffers;
use crate::transports::bulk_iceoryx::Slices;
use crate::transports::bulk_streams::Stream;
use crate::transports::iceoryx;
use crate::transports::libvdi::Libvdi;
use crate::transports::libvdi_rust::LibvdiRust;
use crate::transports::limits::{CopyOnly, SinkOnly, TwoThreads};
use crate::transports::ring::BareRing;

// Names of rows; goals refer to them.
pub const LIBVDI_IN_PLACE: &str = "libvdi, C, in place";
pub const LIBVDI_ASLEEP: &str = "libvdi, C, no spinning";
pub const COPY: &str = "memcpy alone (limit)";
pub const CHECKSUM: &str = "checksum alone (limit in place)";
pub const TWO_THREADS: &str = "two threads of one process (limit)";
pub const RING: &str = "bare ring, spinning";
pub const RING_IN_PLACE: &str = "bare ring, spinning, in place";
pub const SEMAPHORES: &str = "POSIX semaphores, shared buffers";
pub const PIPE: &str = "pipe, 1 MiB";
pub const SMALL_PIPE: &str = "pipe, 64 KiB";
pub const VMSPLICE: &str = "vmsplice, pipe 1 MiB";
pub const UNIX_STREAM: &str = "Unix stream socket";
pub const ICEORYX_POLL: &str = "iceoryx2, polling";
pub const ICEORYX_EVENT: &str = "iceoryx2, event";

/// The task of a transfer through that many buffers.
pub fn job(size: usize, buffers: usize) -> Job {
    Job {
        size,
        buffers,
        depth: buffers,
        ..Job::default()
    }
}

/// The same where the data lies in as many buffers as the source has room for.
pub fn in_place(job: &Job, source: usize) -> Job {
    Job {
        buffers: source / job.size,
        ..job.clone()
    }
}

/// Limits, libvdi, and what a library of its kind could be made of.
fn shared_memory(job: &Job, source: usize) -> Vec<Entry> {
    let asleep = Job {
        confined: true,
        ..job.clone()
    };
    vec![
        Entry::cell(COPY, job, CopyOnly::new),
        Entry::cell(CHECKSUM, job, SinkOnly::new),
        Entry::cell(TWO_THREADS, job, TwoThreads::new),
        Entry::cell(LIBVDI, job, Libvdi::new),
        Entry::cell(LIBVDI_ASLEEP, &asleep, Libvdi::new),
        Entry::cell(LIBVDI_IN_PLACE, &in_place(job, source), Libvdi::in_place),
        Entry::cell(LIBVDI_RUST, job, LibvdiRust::new),
        Entry::cell(RING, job, Buffers::copied(BareRing::<Spin>::new)),
        Entry::cell(RING_IN_PLACE, job, Buffers::in_place(BareRing::<Spin>::new)),
        Entry::cell(SEMAPHORES, job, Buffers::copied(BareRing::<Semaphore>::new)),
    ]
}

fn others(job: &Job) -> Vec<Entry> {
    vec![
        Entry::cell(PIPE, job, Stream::pipe),
        Entry::cell(SMALL_PIPE, job, Stream::small_pipe),
        Entry::cell(VMSPLICE, job, Stream::spliced_pipe),
        Entry::cell(UNIX_STREAM, job, Stream::unix),
        Entry::cell(ICEORYX_POLL, job, iceoryx::polled::<Slices>),
        Entry::cell(ICEORYX_EVENT, job, iceoryx::with_events::<Slices>),
        Entry::cell(
            "bare ring, futex",
            job,
            Buffers::copied(BareRing::<Futex>::new),
        ),
    ]
}

fn case(id: &'static str, title: &'static str, job: &Job, source: usize, all: bool) -> Case {
    let mut entries = shared_memory(job, source);
    if all {
        entries.extend(others(job));
    }
    Case {
        id,
        title,
        unit: Unit::Throughput(job.size),
        most_rounds: usize::MAX,
        entries,
    }
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// With the size of the source, from which bytes are copied.
pub fn cases(source: usize) -> Vec<Case> {
    vec![
        case(
            "bulk-64k-4",
            "64 KiB x 4 buffers, crc32c in the client",
            &job(64 * KIB, 4),
            source,
            true,
        ),
        case(
            "bulk-64k-16",
            "64 KiB x 16 buffers, crc32c in the client",
            &job(64 * KIB, 16),
            source,
            false,
        ),
        case(
            "bulk-256k-16",
            "256 KiB x 16 buffers, crc32c in the client",
            &job(256 * KIB, 16),
            source,
            false,
        ),
        case(
            "bulk-1m-2",
            "1 MiB x 2 buffers, crc32c in the client",
            &job(MIB, 2),
            source,
            false,
        ),
        case(
            "bulk-1m-4",
            "1 MiB x 4 buffers, crc32c in the client",
            &job(MIB, 4),
            source,
            true,
        ),
        case(
            "bulk-1m-16",
            "1 MiB x 16 buffers, crc32c in the client",
            &job(MIB, 16),
            source,
            false,
        ),
        case(
            "bulk-4m-4",
            "4 MiB x 4 buffers, crc32c in the client",
            &job(4 * MIB, 4),
            source,
            false,
        ),
        case(
            "bulk-4m-16",
            "4 MiB x 16 buffers, crc32c in the client",
            &job(4 * MIB, 16),
            source,
            false,
        ),
    ]
}
