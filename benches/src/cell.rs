//! One measured pair of processes.

use crate::machine::{self, Disturbance, Observer, Patience};
use crate::os::{self, Pid};
use crate::shared::{Bytes, Shared};
use crate::side::{Board, Job, Placement, Processes, Role, Side};
use crate::syscalls::Counter;
use crate::transports::{Make, Pair};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How cells are run.
#[derive(Clone)]
pub struct Rules {
    pub patience: Patience,
    /// Time that a cell is measured.
    pub window: Duration,
    /// Time that it runs before.
    pub warm_up: Duration,
    /// A cell must have come to its end after that time.
    pub limit: Duration,
    pub source: Arc<Bytes>,
    pub processors: [usize; 2],
}

/// What was measured in a cell.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    pub commands: u64,
    pub ns: u64,
    /// CPU time of the near and of the far process, in nanoseconds.
    pub cpu: [u64; 2],
    pub switches: u64,
    /// System calls of both, where they were counted.
    pub calls: Option<u64>,
    /// Share of the slowest device in what each should have had, and the longest wait of any.
    pub fairness: f64,
    pub longest: u64,
    pub disturbance: Disturbance,
    /// What is wrong with it: it did not end, or bytes were altered.
    pub fault: Option<String>,
}

impl Sample {
    /// Nanoseconds for one command.
    pub fn each(&self) -> f64 {
        self.ns as f64 / self.commands.max(1) as f64
    }

    pub fn cpu_each(&self) -> f64 {
        (self.cpu[0] + self.cpu[1]) as f64 / self.commands.max(1) as f64
    }

    fn weight(&self) -> f64 {
        self.disturbance.weight() + if self.fault.is_some() { 1e9 } else { 0.0 }
    }
}

/// Runs a cell until it is clean, a few times at most: the cleanest sample, and how often it ran.
pub fn measure(make: &Make, job: &Job, rules: &Rules, count_calls: bool) -> (Sample, u32) {
    let mut best: Option<Sample> = None;
    let mut runs = 0;
    while runs == 0 || (runs < rules.patience.tries && !rules.patience.is_over()) {
        runs += 1;
        machine::wait_until_quiet(&rules.patience);
        let start = os::now();
        let sample = once(make, job, rules, count_calls).unwrap_or_else(|error| Sample {
            fault: Some(format!("could not be run: {error}")),
            ..Sample::default()
        });
        if runs > 1 {
            machine::spend(os::now() - start);
        }
        // Counters are the same on a busy machine, and hogs are what the others are meant to be.
        let quiet = sample.disturbance.is_clean() || count_calls || job.hogs > 0;
        let clean = sample.fault.is_none() && quiet;
        if best
            .as_ref()
            .is_none_or(|best| sample.weight() < best.weight())
        {
            best = Some(sample);
        }
        if clean {
            break;
        }
    }
    (best.unwrap_or_default(), runs)
}

/// The two processes while they run; they end with this value.
struct Running {
    processes: Processes,
    alive: Vec<Pid>,
    hogs: Vec<Pid>,
    /// Being killed is no fault.
    deadly: bool,
}

impl Running {
    fn start(pair: &dyn Pair, near: &Side) -> io::Result<Self> {
        let far = Side {
            role: Role::Far,
            ..near.clone()
        };
        let processes = Processes { near: 0, far: 0 };
        let mut running = Self {
            processes,
            alive: Vec::new(),
            hogs: Vec::new(),
            deadly: near.job.deadly,
        };
        running.processes.far = os::fork(|| live(pair, &far))?;
        running.alive.push(running.processes.far);
        running.processes.near = os::fork(|| live(pair, near))?;
        running.alive.push(running.processes.near);
        for _ in 0..near.job.hogs {
            running.hogs.push(os::fork(hog)?);
        }
        pair.release();
        Ok(running)
    }

    /// Whether some process has failed, or all have ended.
    fn look(&mut self) -> Result<bool, String> {
        let (mut fault, deadly) = (None, self.deadly);
        self.alive.retain(|pid| match os::ended(*pid) {
            None => true,
            Some(0) => false,
            Some(libc::SIGKILL) if deadly => false,
            Some(status) => {
                fault = Some(format!("a process ended with wait status {status:#x}"));
                false
            }
        });
        fault.map_or(Ok(self.alive.is_empty()), Err)
    }

    /// Waits until all have ended.
    fn finish(&mut self, end: u64) -> Result<(), String> {
        while !self.look()? {
            if os::now() > end {
                return Err("it did not come to an end".into());
            }
            os::sleep(Duration::from_micros(200));
        }
        Ok(())
    }

    /// Waits until `there`, or tells why it will never be.
    fn until(&mut self, end: u64, mut there: impl FnMut() -> bool) -> Result<(), String> {
        while !there() {
            if self.look()? {
                return if there() {
                    Ok(())
                } else {
                    Err("it ended too early".into())
                };
            }
            if os::now() > end {
                return Err("it did not come to an end".into());
            }
            os::sleep(Duration::from_micros(200));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for pid in self.alive.drain(..).chain(self.hogs.drain(..)) {
            os::kill(pid);
            os::wait(pid);
        }
    }
}

/// The life of a process that is in the way.
fn hog() {
    os::end_with_parent();
    loop {
        std::hint::spin_loop();
    }
}

/// The life of one process.
fn live(pair: &dyn Pair, side: &Side) {
    os::end_with_parent();
    while side.board.go.0.load(Ordering::Acquire) == 0 {
        os::sleep(Duration::from_micros(50));
    }
    if side.job.confined || side.job.placement == Placement::Together {
        side.pin();
    }
    if side.job.size > 0 {
        side.source.present();
    }
    if side.role == Role::Near {
        side.begin();
    }
    match side.role {
        Role::Near => pair.near(side),
        Role::Far => pair.far(side),
    }
    side.finish();
}

/// Counters at one moment.
struct Snapshot {
    cpu: [u64; 2],
    switches: u64,
    calls: Option<u64>,
}

impl Snapshot {
    fn of(processes: Processes, counters: &Option<[Counter; 2]>) -> Self {
        let Processes { near, far } = processes;
        let calls = counters
            .as_ref()
            .and_then(|[near, far]| Some(near.read().ok()? + far.read().ok()?));
        Self {
            cpu: [os::cpu_of(near), os::cpu_of(far)],
            switches: os::switches_of(near) + os::switches_of(far),
            calls,
        }
    }
}

/// The time, and the commands that had ended by then.
fn moment(board: &Board) -> (u64, u64) {
    loop {
        let before = os::now();
        let total = board.total();
        let after = os::now();
        if after - before < 20_000 {
            return (after, total);
        }
    }
}

fn once(make: &Make, job: &Job, rules: &Rules, count_calls: bool) -> io::Result<Sample> {
    let pair = make(job)?;
    let board = Arc::new(Shared::<Board>::new()?);
    let near = Side {
        role: Role::Near,
        job: job.clone(),
        board: Arc::clone(&board),
        source: Arc::clone(&rules.source),
        processors: rules.processors,
    };
    let observer = Observer::new();
    let mut running = Running::start(&*pair, &near)?;
    let Processes {
        near: first,
        far: second,
    } = running.processes;
    let counters = count_calls
        .then(|| Some([Counter::of(first)?, Counter::of(second)?]))
        .flatten();
    board.go.0.store(1, Ordering::Release);
    let mut sample = Sample::default();
    let outcome = follow(&mut running, &near, rules, &counters, &mut sample);
    drop(running);
    let result = &board.result.0;
    let probe = result
        .probes
        .iter()
        .map(|probe| probe.load(Ordering::Relaxed))
        .max()
        .unwrap_or(0);
    sample.disturbance = observer.end(probe);
    sample.fault = outcome.err().or_else(|| pair.check(&near).err());
    Ok(sample)
}

/// Measures the middle of a run, or all of one that has a total.
fn follow(
    running: &mut Running,
    near: &Side,
    rules: &Rules,
    counters: &Option<[Counter; 2]>,
    sample: &mut Sample,
) -> Result<(), String> {
    let board = &*near.board;
    let end = os::now() + rules.limit.as_nanos() as u64;
    if let Some(total) = near.job.total {
        running.finish(end)?;
        let result = &board.result.0;
        sample.ns = result
            .ended
            .load(Ordering::Acquire)
            .saturating_sub(result.began.load(Ordering::Acquire));
        sample.commands = total;
        return Ok(());
    }
    running.until(end, || Side::has_begun(board))?;
    os::sleep(near.job.warm_up.unwrap_or(rules.warm_up));
    running.until(end, || board.total() > 0 || near.job.depth == 0)?;
    let processes = running.processes;
    let before = Snapshot::of(processes, counters);
    let (began, first) = moment(board);
    let counts: Vec<u64> = (0..near.job.devices)
        .map(|device| board.count[device].0.load(Ordering::Relaxed))
        .collect();
    os::sleep(near.job.window.unwrap_or(rules.window));
    let (ended, last) = moment(board);
    let after = Snapshot::of(processes, counters);
    board.stop.0.store(1, Ordering::Release);
    os::futex_wake(&board.stop.0);
    sample.ns = ended - began;
    sample.commands = last - first;
    sample.cpu = [after.cpu[0] - before.cpu[0], after.cpu[1] - before.cpu[1]];
    sample.switches = after.switches.saturating_sub(before.switches);
    sample.calls = after
        .calls
        .zip(before.calls)
        .map(|(after, before)| after - before);
    let done = (0..near.job.devices)
        .map(|device| board.count[device].0.load(Ordering::Relaxed) - counts[device]);
    let share = sample.commands as f64 / near.job.devices as f64;
    sample.fairness = done.min().unwrap_or(0) as f64 / share.max(1.0);
    sample.longest = board
        .longest
        .iter()
        .map(|longest| longest.0.load(Ordering::Relaxed))
        .max()
        .unwrap_or(0);
    running.finish(end)
}
