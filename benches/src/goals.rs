//! What was to be reached, and whether it was.

use crate::cases::bulk::{
    CHECKSUM, ICEORYX_EVENT, LIBVDI_IN_PLACE, PIPE as BULK_PIPE, TWO_THREADS, UNIX_STREAM, VMSPLICE,
};
use crate::cases::ends::{CLIENT_DIES, CLIENT_DIES_LARGE, SERVER_DIES, SERVER_DIES_LARGE};
use crate::cases::round_trip::{
    EVENTFD, ICEORYX_PUBLISH, ICEORYX_REQUEST, LIBVDI, LIBVDI_ASLEEP, PIPE, RAW_FUTEX, RING_SPIN,
    SEMAPHORES, THREADS, WORK,
};
use crate::cases::whole::{CP, DD, FIRST_TOUCH, LAZY, WRITE};
use crate::cases::{Row, Table, tool};
use crate::report::figures::{self, Spread};

/// What is looked at.
enum Figure {
    /// Time divided by that of another row: at most.
    Slower { than: &'static str, most: f64 },
    /// Time of another row divided by ours: at least.
    Faster { than: &'static str, least: f64 },
    /// System calls for a command: at most.
    Calls(f64),
    /// Nanoseconds of the server's CPU time for a command: at most.
    ServerCpu(f64),
    /// Share of the slowest device in what it should have had: at least.
    Fairness(f64),
    /// Nanoseconds of the whole: at most.
    Time(f64),
    /// Context switches of both processes in all the time: at most.
    Switches(f64),
    /// CPU time of both processes in all the time, in nanoseconds: at most.
    Cpu(f64),
}

use Figure::*;

pub struct Goal {
    pub id: &'static str,
    case: &'static str,
    row: &'static str,
    figure: Figure,
}

const fn goal(id: &'static str, case: &'static str, row: &'static str, figure: Figure) -> Goal {
    Goal {
        id,
        case,
        row,
        figure,
    }
}

/// All goals. Those for counters come true on a busy machine, too.
#[rustfmt::skip]
const GOALS: [Goal; 45] = [
    goal("L1", "depth-1", LIBVDI_ASLEEP, Slower { than: RAW_FUTEX, most: 1.15 }),
    goal("L1", "depth-1", LIBVDI_ASLEEP, Slower { than: SEMAPHORES, most: 1.10 }),
    goal("L1", "depth-1", LIBVDI_ASLEEP, Calls(4.1)),
    goal("L2", "one-processor", LIBVDI, Slower { than: RAW_FUTEX, most: 1.10 }),
    goal("L4", "depth-1", LIBVDI, Slower { than: RING_SPIN, most: 2.0 }),
    goal("L4", "depth-1", LIBVDI, Faster { than: SEMAPHORES, least: 100.0 }),
    goal("L4", "depth-1", LIBVDI, Faster { than: PIPE, least: 100.0 }),
    goal("L4", "depth-1", LIBVDI, Faster { than: ICEORYX_REQUEST, least: 3.0 }),
    goal("L4", "depth-1", LIBVDI, Faster { than: ICEORYX_PUBLISH, least: 3.0 }),
    goal("L5", "depth-16", LIBVDI, Faster { than: SEMAPHORES, least: 5.0 }),
    goal("L5", "depth-16", LIBVDI, Faster { than: EVENTFD, least: 5.0 }),
    goal("L5", "depth-16", LIBVDI, Faster { than: PIPE, least: 5.0 }),
    goal("L5", "depth-16", LIBVDI, Faster { than: ICEORYX_REQUEST, least: 2.5 }),
    goal("L5", "depth-16", LIBVDI, Faster { than: ICEORYX_PUBLISH, least: 2.5 }),
    goal("L5", "depth-16", LIBVDI, Calls(0.02)),
    goal("L6", "depth-16", LIBVDI_ASLEEP, Calls(0.35)),
    goal("L7", "work-200-depth-4", LIBVDI, Slower { than: WORK, most: 1.06 }),
    goal("L7", "work-200-depth-4", LIBVDI, ServerCpu(15_000.0)),
    goal("L8", "one-processor", LIBVDI, Slower { than: SEMAPHORES, most: 1.10 }),
    goal("L9", "hogs", LIBVDI, Slower { than: SEMAPHORES, most: 1.2 }),
    goal("L9", "hogs-work-20", LIBVDI, Slower { than: SEMAPHORES, most: 1.2 }),
    goal("T1", "bulk-1m-4", LIBVDI, Faster { than: TWO_THREADS, least: 0.95 }),
    goal("T2", "bulk-1m-4", LIBVDI, Faster { than: BULK_PIPE, least: 4.0 }),
    goal("T2", "bulk-1m-4", LIBVDI, Faster { than: UNIX_STREAM, least: 2.0 }),
    goal("T2", "bulk-1m-4", LIBVDI, Faster { than: VMSPLICE, least: 1.7 }),
    goal("T2", "bulk-1m-4", LIBVDI, Faster { than: ICEORYX_EVENT, least: 1.3 }),
    goal("T3", "bulk-64k-4", LIBVDI, Faster { than: BULK_PIPE, least: 2.0 }),
    goal("T3", "bulk-64k-4", LIBVDI, Faster { than: UNIX_STREAM, least: 1.2 }),
    goal("T4", "bulk-1m-4", LIBVDI_IN_PLACE, Faster { than: CHECKSUM, least: 0.80 }),
    goal("T4", "bulk-4m-4", LIBVDI_IN_PLACE, Faster { than: CHECKSUM, least: 0.88 }),
    goal("T5", "file-tmpfs", LIBVDI, Faster { than: WRITE, least: 0.95 }),
    goal("T5", "file-tmpfs", LIBVDI, Faster { than: DD, least: 1.25 }),
    goal("T5", "file-tmpfs", LIBVDI, Faster { than: CP, least: 1.3 }),
    goal("T7", "tool-tmpfs", tool::BACKUP, Faster { than: tool::CP, least: 0.8 }),
    goal("T7", "tool-tmpfs", tool::RESTORE, Faster { than: tool::CP, least: 0.6 }),
    goal("S1", "ready-64m", LIBVDI, Slower { than: FIRST_TOUCH, most: 0.35 }),
    goal("S2", "whole-64m", LIBVDI, Slower { than: LAZY, most: 0.5 }),
    goal("D1", "death", CLIENT_DIES, Time(1e6)),
    goal("D1", "death", SERVER_DIES, Time(1e6)),
    goal("D1", "death", CLIENT_DIES_LARGE, Slower { than: CLIENT_DIES, most: 2.0 }),
    goal("D1", "death", SERVER_DIES_LARGE, Slower { than: SERVER_DIES, most: 2.0 }),
    goal("M1", "devices-64", LIBVDI, Slower { than: THREADS, most: 0.6 }),
    goal("M1", "devices-64", LIBVDI, Fairness(0.4)),
    goal("I1", "idle", LIBVDI, Cpu(0.0)),
    goal("I1", "idle", LIBVDI, Switches(0.0)),
];

/// How far a goal was reached.
pub struct Outcome {
    pub id: &'static str,
    pub case: &'static str,
    pub row: &'static str,
    /// The goal in words.
    pub what: String,
    pub reached: Spread,
    pub passed: bool,
    /// Whether it is about a counter, which a busy machine does not change.
    pub is_counter: bool,
}

impl Goal {
    /// Compares with what was measured; `None` if that was not measured.
    fn judge(&self, tables: &[Table]) -> Option<Outcome> {
        let table = tables.iter().find(|table| table.id == self.case)?;
        let row = table.row(self.row)?;
        let reached = self.reached(table, row)?;
        let (what, good_enough) = self.figure.judge(reached.median);
        // A contender that failed has no time to be compared with.
        let passed = good_enough && table.rows.iter().all(|row| row.fault().is_none());
        let is_counter = matches!(self.figure, Calls(_));
        Some(Outcome {
            id: self.id,
            case: self.case,
            row: self.row,
            what,
            reached,
            passed,
            is_counter,
        })
    }

    fn reached(&self, table: &Table, row: &Row) -> Option<Spread> {
        match self.figure {
            Slower { than, .. } => figures::ratio(row, table.row(than)?),
            Faster { than, .. } => figures::ratio(table.row(than)?, row),
            Calls(_) => Spread::of(figures::calls(row)),
            ServerCpu(_) => figures::server_cpu(row),
            Fairness(_) => Spread::of(row.samples.iter().map(|sample| sample.fairness)),
            Time(_) => figures::time(row, table.unit),
            Switches(_) => figures::switches(row),
            Cpu(_) => figures::cpu(row),
        }
    }
}

impl Figure {
    /// In words, and whether a value is good enough.
    fn judge(&self, value: f64) -> (String, bool) {
        match *self {
            Slower { than, most } => (format!("time <= {most} x {than}"), value <= most),
            Faster { than, least } => (format!(">= {least} x as fast as {than}"), value >= least),
            Calls(most) => (
                format!("<= {most} system calls for a command"),
                value <= most,
            ),
            ServerCpu(most) => (
                format!("<= {} us of server CPU for a command", most / 1e3),
                value <= most,
            ),
            Fairness(least) => (
                format!("slowest device has >= {least} of its share"),
                value >= least,
            ),
            Time(most) => (format!("<= {} ms", most / 1e6), value <= most),
            Switches(most) => (
                format!("<= {most} context switches in all the time"),
                value <= most,
            ),
            Cpu(most) => (
                format!("<= {most} ns of CPU time in all the time"),
                value <= most,
            ),
        }
    }
}

/// The goals that could be judged.
pub fn judge(tables: &[Table]) -> Vec<Outcome> {
    GOALS.iter().filter_map(|goal| goal.judge(tables)).collect()
}
