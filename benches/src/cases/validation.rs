//! What it costs to check what a peer has written: the library beside a build of it that believes
//! everything (`benches/unchecked.patch`).

use super::bulk::{in_place, job};
use super::round_trip::LIBVDI;
use super::{Case, Entry, Unit};
use crate::side::Job;
use crate::transports::libvdi::Libvdi;

pub const UNCHECKED: &str = "libvdi, C, nothing checked";

const KIB: usize = 1 << 10;

fn case(
    id: &'static str,
    title: &'static str,
    job: &Job,
    checked: fn(&Job) -> std::io::Result<Libvdi>,
) -> Case {
    let unchecked = move |job: &Job| checked(job).map(Libvdi::unchecked);
    Case {
        id,
        title,
        unit: Unit::Command,
        most_rounds: usize::MAX,
        entries: vec![
            Entry::cell(LIBVDI, job, checked),
            Entry::cell(UNCHECKED, job, unchecked),
        ],
    }
}

/// With the size of the source of bulk commands.
pub fn cases(source: usize) -> [Case; 2] {
    let sixteen = Job {
        depth: 16,
        ..Job::default()
    };
    let small = job(4 * KIB, 16);
    [
        case(
            "validation-depth-16",
            "What validation costs: 16 commands outstanding",
            &sixteen,
            Libvdi::new,
        ),
        case(
            "validation-4k",
            "What validation costs: 16 commands outstanding, each with a buffer of 4 KiB, in place, crc32c in the client",
            &in_place(&small, source),
            Libvdi::in_place,
        ),
    ]
}
