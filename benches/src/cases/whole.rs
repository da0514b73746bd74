//! Whole transfers with their set-up: buffers getting ready, short backups, new files.

use super::bulk::{self, LIBVDI_IN_PLACE, PIPE, SEMAPHORES, TWO_THREADS, UNIX_STREAM, VMSPLICE};
use super::external::{Program, Scratch};
use super::round_trip::LIBVDI;
use super::{Case, Entry, Unit};
use crate::side::{Job, Sink};
use crate::transports::bells::{Semaphore, Spin};
use crate::transports::buffers::Buffers;
use crate::transports::bulk_streams::Stream;
use crate::transports::faults::FirstTouch;
use crate::transports::libvdi::Libvdi;
use crate::transports::limits::{SinkOnly, TwoThreads};
use crate::transports::ring::BareRing;
use std::rc::Rc;

const MIB: usize = 1 << 20;

// Names of rows; goals refer to them.
pub const FIRST_TOUCH: &str = "first touch in both processes, page faults";
pub const LAZY: &str = "bare ring, buffers by page faults";
pub const WRITE: &str = "write(2) by one process (limit)";
pub const DD: &str = "dd bs=1M";
pub const CP: &str = "cp";

/// A table of what takes long.
fn case(id: &'static str, title: &'static str, unit: Unit, entries: Vec<Entry>) -> Case {
    Case {
        id,
        title,
        unit,
        most_rounds: 5,
        entries,
    }
}

/// Buffers that both processes have written to, page by page, from the moment at which they begin to meet.
fn ready(id: &'static str, title: &'static str, size: usize, buffers: usize) -> Case {
    let total = Some(buffers as u64);
    let job = Job {
        size,
        buffers,
        depth: buffers.min(64),
        total,
        sink: Sink::Touch,
        ..Job::default()
    };
    let entries = vec![
        Entry::cell(LIBVDI, &job, Libvdi::in_place),
        Entry::cell(FIRST_TOUCH, &job, FirstTouch::new),
    ];
    case(id, title, Unit::Whole, entries)
}

/// A transfer through 16 buffers of 4 MiB, from the moment at which the processes begin to meet.
fn whole(id: &'static str, title: &'static str, total: usize) -> Case {
    let size = 4 * MIB;
    let job = Job {
        total: Some((total / size) as u64),
        ..bulk::job(size, 16)
    };
    let entries = vec![
        Entry::cell(LIBVDI, &job, Libvdi::new),
        Entry::cell(LAZY, &job, Buffers::lazy(BareRing::<Spin>::new)),
        Entry::cell(TWO_THREADS, &job, TwoThreads::new),
        Entry::cell(SEMAPHORES, &job, Buffers::lazy(BareRing::<Semaphore>::new)),
        Entry::cell(PIPE, &job, Stream::pipe),
        Entry::cell(UNIX_STREAM, &job, Stream::unix),
    ];
    case(id, title, Unit::Whole, entries)
}

/// The source into a new file, through 4 buffers of 1 MiB.
fn file(id: &'static str, title: &'static str, scratch: &Rc<Scratch>, durable: bool) -> Case {
    let path = scratch.new_file();
    let chunks = scratch.source_size() / MIB;
    let job = Job {
        total: Some(chunks as u64),
        sink: Sink::File {
            path: path.clone(),
            durable,
        },
        ..bulk::job(MIB, 4)
    };
    let source = scratch.source_size();
    let dd = Program::new("dd")
        .argument_path("if=", scratch.source())
        .argument_path("of=", &path);
    let dd = dd.argument("bs=1M").argument("status=none");
    let dd = if durable {
        dd.argument("conv=fdatasync")
    } else {
        dd
    };
    let mut entries = vec![
        Entry::cell(WRITE, &job, SinkOnly::new),
        Entry::cell(LIBVDI, &job, Libvdi::new),
        Entry::cell(
            LIBVDI_IN_PLACE,
            &bulk::in_place(&job, source),
            Libvdi::in_place,
        ),
        Entry::cell(PIPE, &job, Stream::pipe),
        Entry::cell(VMSPLICE, &job, Stream::spliced_pipe),
        Entry::cell(UNIX_STREAM, &job, Stream::unix),
        dd.entry(DD, scratch, chunks as u64),
    ];
    if !durable {
        let cp = Program::new("cp")
            .argument_path("", scratch.source())
            .argument_path("", &path);
        entries.push(cp.entry(CP, scratch, chunks as u64));
    }
    case(id, title, Unit::Throughput(MIB), entries)
}

pub fn cases(tmpfs: &Rc<Scratch>, disk: &Rc<Scratch>, quick: bool) -> Vec<Case> {
    let mut cases = vec![
        ready(
            "ready-1m",
            "1 MiB of buffers ready in both processes",
            64 << 10,
            16,
        ),
        ready(
            "ready-64m",
            "64 MiB of buffers ready in both processes",
            MIB,
            64,
        ),
        whole(
            "whole-64m",
            "64 MiB, from the first call to the last byte",
            64 * MIB,
        ),
        file(
            "file-tmpfs",
            "A new file in tmpfs, 1 MiB x 4 buffers",
            tmpfs,
            false,
        ),
        file(
            "file-disk",
            "A new file on disk and fdatasync, 1 MiB x 4 buffers",
            disk,
            true,
        ),
    ];
    if !quick {
        cases.push(ready(
            "ready-1g",
            "1 GiB of buffers ready in both processes",
            4 * MIB,
            256,
        ));
        cases.push(whole(
            "whole-1g",
            "1 GiB, from the first call to the last byte",
            1024 * MIB,
        ));
    }
    cases
}
