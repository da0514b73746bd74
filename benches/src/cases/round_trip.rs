//! A command there and its completion back.

use super::{Case, Entry, Unit};
use crate::side::{Job, Placement};
use crate::transports::bells::{Eventfd, Futex, Semaphore, Spin};
use crate::transports::devices::ThreadPerDevice;
use crate::transports::iceoryx::{self, Publications, Requests};
use crate::transports::libvdi::Libvdi;
use crate::transports::libvdi_rust::LibvdiRust;
use crate::transports::raw::Raw;
use crate::transports::ring::BareRing;
use crate::transports::streams::Streams;
use crate::transports::work::WorkAlone;
use std::time::Duration;

// Names of rows; goals refer to them.
pub const LIBVDI: &str = "libvdi, C";
pub const LIBVDI_ASLEEP: &str = "libvdi, C, no spinning";
pub const LIBVDI_RUST: &str = "libvdi, Rust";
pub const RAW_SPIN: &str = "two words, spinning (limit)";
pub const RAW_FUTEX: &str = "two words, futex (limit)";
pub const RING_SPIN: &str = "bare ring, spinning (limit)";
pub const RING_FUTEX: &str = "bare ring, futex";
pub const SEMAPHORES: &str = "POSIX semaphores, shared memory";
pub const EVENTFD: &str = "eventfd, shared memory";
pub const PIPE: &str = "pipe";
pub const UNIX_STREAM: &str = "Unix stream socket";
pub const UNIX_SEQPACKET: &str = "Unix seqpacket socket";
pub const ICEORYX_REQUEST: &str = "iceoryx2 request-response, polling";
pub const ICEORYX_PUBLISH: &str = "iceoryx2 publish-subscribe, polling";
pub const ICEORYX_EVENT: &str = "iceoryx2 event";
pub const WORK: &str = "the work alone (limit)";
pub const THREADS: &str = "two words and a thread for each device";

fn libvdi(job: &Job) -> [Entry; 3] {
    let asleep = Job {
        confined: true,
        ..job.clone()
    };
    [
        Entry::cell(LIBVDI, job, Libvdi::new),
        Entry::cell(LIBVDI_RUST, job, LibvdiRust::new),
        Entry::cell(LIBVDI_ASLEEP, &asleep, Libvdi::new),
    ]
}

/// The kernel's own ways, and iceoryx2 with events: all of them sleep.
fn sleepers(job: &Job) -> Vec<Entry> {
    vec![
        Entry::cell(RING_FUTEX, job, BareRing::<Futex>::new),
        Entry::cell(SEMAPHORES, job, BareRing::<Semaphore>::new),
        Entry::cell(EVENTFD, job, BareRing::<Eventfd>::new),
        Entry::cell(PIPE, job, Streams::pipes),
        Entry::cell(UNIX_STREAM, job, Streams::unix_stream),
        Entry::cell(UNIX_SEQPACKET, job, Streams::unix_seqpacket),
        Entry::cell(ICEORYX_EVENT, job, iceoryx::with_events::<Publications>),
    ]
}

/// Ways that never sleep.
fn spinners(job: &Job) -> Vec<Entry> {
    vec![
        Entry::cell(RING_SPIN, job, BareRing::<Spin>::new),
        Entry::cell(ICEORYX_REQUEST, job, iceoryx::polled::<Requests>),
        Entry::cell(ICEORYX_PUBLISH, job, iceoryx::polled::<Publications>),
    ]
}

fn case(id: &'static str, title: &'static str, entries: Vec<Entry>) -> Case {
    Case {
        id,
        title,
        unit: Unit::Command,
        most_rounds: usize::MAX,
        entries,
    }
}

fn depth_one() -> Case {
    let job = Job::default();
    let mut entries = vec![
        Entry::cell(RAW_SPIN, &job, Raw::spin),
        Entry::cell(RAW_FUTEX, &job, Raw::futex),
    ];
    entries.extend(libvdi(&job));
    entries.extend(spinners(&job));
    entries.extend(sleepers(&job));
    case(
        "depth-1",
        "Round trip, one command outstanding, a processor for each process",
        entries,
    )
}

fn one_processor() -> Case {
    let job = Job {
        placement: Placement::Together,
        ..Job::default()
    };
    let mut entries = vec![
        Entry::cell(RAW_FUTEX, &job, Raw::futex),
        Entry::cell(LIBVDI, &job, Libvdi::new),
    ];
    entries.extend(sleepers(&job));
    case(
        "one-processor",
        "Round trip, one command outstanding, both processes on one processor",
        entries,
    )
}

fn anywhere() -> Case {
    let job = Job {
        placement: Placement::Free,
        ..Job::default()
    };
    let entries = vec![
        Entry::cell(RAW_FUTEX, &job, Raw::futex),
        Entry::cell(RING_SPIN, &job, BareRing::<Spin>::new),
        Entry::cell(LIBVDI, &job, Libvdi::new),
        Entry::cell(SEMAPHORES, &job, BareRing::<Semaphore>::new),
        Entry::cell(PIPE, &job, Streams::pipes),
    ];
    case(
        "anywhere",
        "Round trip, one command outstanding, where the scheduler likes",
        entries,
    )
}

fn deep(id: &'static str, title: &'static str, depth: usize) -> Case {
    let job = Job {
        depth,
        ..Job::default()
    };
    let mut entries: Vec<Entry> = libvdi(&job).into();
    entries.extend(spinners(&job));
    entries.extend(sleepers(&job));
    case(id, title, entries)
}

fn working(id: &'static str, title: &'static str, micros: u64, depth: usize) -> Case {
    let job = Job {
        depth,
        work: Duration::from_micros(micros),
        ..Job::default()
    };
    let asleep = Job {
        confined: true,
        ..job.clone()
    };
    let entries = vec![
        Entry::cell(WORK, &job, WorkAlone::new),
        Entry::cell(LIBVDI, &job, Libvdi::new),
        Entry::cell(LIBVDI_ASLEEP, &asleep, Libvdi::new),
        Entry::cell(RING_SPIN, &job, BareRing::<Spin>::new),
        Entry::cell(RING_FUTEX, &job, BareRing::<Futex>::new),
        Entry::cell(SEMAPHORES, &job, BareRing::<Semaphore>::new),
    ];
    case(id, title, entries)
}

fn hogged(id: &'static str, title: &'static str, micros: u64) -> Case {
    let work = Duration::from_micros(micros);
    let job = Job {
        hogs: 2,
        work,
        placement: Placement::Free,
        ..Job::default()
    };
    let entries = vec![
        Entry::cell(LIBVDI, &job, Libvdi::new),
        Entry::cell(SEMAPHORES, &job, BareRing::<Semaphore>::new),
        Entry::cell(PIPE, &job, Streams::pipes),
        Entry::cell(ICEORYX_REQUEST, &job, iceoryx::polled::<Requests>),
    ];
    case(id, title, entries)
}

fn devices(id: &'static str, title: &'static str, devices: usize) -> Case {
    // So many threads on one processor need a while until the scheduler has let each of them run.
    let window = (devices > 16).then_some(Duration::from_millis(500));
    let job = Job {
        devices,
        window,
        ..Job::default()
    };
    let asleep = Job {
        confined: true,
        ..job.clone()
    };
    let entries = vec![
        Entry::cell(LIBVDI, &job, Libvdi::new),
        Entry::cell(LIBVDI_ASLEEP, &asleep, Libvdi::new),
        Entry::cell(THREADS, &job, ThreadPerDevice::new),
    ];
    case(id, title, entries)
}

pub fn cases() -> Vec<Case> {
    vec![
        depth_one(),
        one_processor(),
        anywhere(),
        deep("depth-4", "4 commands outstanding", 4),
        deep("depth-16", "16 commands outstanding", 16),
        deep("depth-64", "64 commands outstanding", 64),
        working(
            "work-20-depth-1",
            "20 us of work for each command, one outstanding",
            20,
            1,
        ),
        working(
            "work-20-depth-4",
            "20 us of work for each command, 4 outstanding",
            20,
            4,
        ),
        working(
            "work-200-depth-1",
            "200 us of work for each command, one outstanding",
            200,
            1,
        ),
        working(
            "work-200-depth-4",
            "200 us of work for each command, 4 outstanding",
            200,
            4,
        ),
        hogged("hogs", "Round trip beside two processes that never rest", 0),
        hogged(
            "hogs-work-20",
            "The same with 20 us of work for each command",
            20,
        ),
        devices("devices-1", "1 device, one command outstanding on each", 1),
        devices("devices-2", "2 devices, one command outstanding on each", 2),
        devices("devices-4", "4 devices, one command outstanding on each", 4),
        devices(
            "devices-16",
            "16 devices, one command outstanding on each",
            16,
        ),
        devices(
            "devices-64",
            "64 devices, one command outstanding on each",
            64,
        ),
    ]
}
