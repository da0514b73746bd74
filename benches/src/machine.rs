//! Whether the machine was quiet while a cell ran.

use crate::os;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How patient the harness is with a machine that is not quiet.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Longest wait for a quiet moment before a cell.
    pub wait: Duration,
    /// How often a cell is run at most.
    pub tries: u32,
    /// Longest time that all waiting and repeating may take.
    pub total: Duration,
}

/// Nanoseconds that waiting and repeating have taken.
static SPENT: AtomicU64 = AtomicU64::new(0);

/// Notes time that a quiet machine would not have cost.
pub fn spend(ns: u64) {
    SPENT.fetch_add(ns, Ordering::Relaxed);
}

impl Patience {
    /// Whether it has come to its end: on such a machine the figures are worth little, anyway.
    pub fn is_over(&self) -> bool {
        SPENT.load(Ordering::Relaxed) >= self.total.as_nanos() as u64
    }
}

/// Share of a processor that others may use while the harness waits for a quiet moment.
const QUIET: f64 = 0.08;
/// Share of a processor that others may use during a cell.
const FOREIGN: f64 = 0.04;
/// Ticks of 10 ms that the host may take away during a cell.
const STEAL: u64 = 1;
/// Nanoseconds of a cache-line round trip between processors that are near each other.
const NEAR: u64 = 200;
const GLANCE: Duration = Duration::from_millis(15);

/// CPU time of the whole machine, and of this program in it.
#[derive(Clone, Copy, Debug)]
struct Usage {
    at: u64,
    machine: u64,
    own: u64,
    stolen: u64,
}

fn first_line_of_stat() -> Vec<u64> {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = stat.lines().next().unwrap_or_default().split_whitespace();
    fields
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect()
}

/// CPU time that the machine has used, in nanoseconds, by the finest clock there is.
fn machine_cpu(stat: &[u64]) -> u64 {
    let number = |path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    number("/sys/fs/cgroup/cpuacct/cpuacct.usage").unwrap_or_else(|| {
        // user, nice, system, irq and softirq, in ticks.
        let ticks: u64 = [0, 1, 2, 5, 6]
            .iter()
            .filter_map(|field| stat.get(*field))
            .sum();
        ticks * 10_000_000
    })
}

impl Usage {
    fn now() -> Self {
        let stat = first_line_of_stat();
        Self {
            at: os::now(),
            machine: machine_cpu(&stat),
            own: os::cpu_of_family(),
            stolen: stat.get(7).copied().unwrap_or(0),
        }
    }

    /// Share of a processor that others have used since.
    fn foreign(&self, before: &Self) -> f64 {
        let others = (self.machine - before.machine) as f64 - (self.own - before.own) as f64;
        others.max(0.0) / (self.at - before.at).max(1) as f64
    }
}

/// Waits for a quiet moment, not for ever.
pub fn wait_until_quiet(patience: &Patience) {
    if patience.is_over() {
        return;
    }
    let start = os::now();
    let end = start + patience.wait.as_nanos() as u64;
    loop {
        let before = Usage::now();
        os::sleep(GLANCE);
        if Usage::now().foreign(&before) < QUIET || os::now() > end {
            spend((os::now() - start).saturating_sub(GLANCE.as_nanos() as u64));
            return;
        }
    }
}

/// Looks at the machine while a cell runs.
pub struct Observer(Usage);

/// What may have spoilt a cell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disturbance {
    /// Share of a processor that others used.
    pub foreign: f64,
    pub stolen: u64,
    /// The larger of the two probes, in nanoseconds; 0 if there were none.
    pub probe: u64,
}

impl Observer {
    pub fn new() -> Self {
        Self(Usage::now())
    }

    /// After all children of the cell were waited for.
    pub fn end(self, probe: u64) -> Disturbance {
        let now = Usage::now();
        Disturbance {
            foreign: now.foreign(&self.0),
            stolen: now.stolen - self.0.stolen,
            probe,
        }
    }
}

impl Disturbance {
    pub fn is_clean(&self) -> bool {
        self.foreign <= FOREIGN && self.stolen <= STEAL && self.probe <= NEAR
    }

    /// The larger, the worse.
    pub fn weight(&self) -> f64 {
        self.foreign / FOREIGN + self.stolen as f64 + (self.probe as f64 / NEAR as f64)
    }
}
