//! Whole operations in random orders: everything that one process of each kind does, with the
//! library's handshake, background thread and public interface.

mod operation;

use operation::{Disturbance, Operation};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// How many orders of each scene; `VDI_MODELS_RUNS` is for more.
fn runs() -> usize {
    let runs = std::env::var("VDI_MODELS_RUNS").ok();
    runs.and_then(|runs| runs.parse().ok()).unwrap_or(10_000)
}

/// Tries a scene in random orders, and in random orders with few interruptions.
fn try_orders(scene: impl Fn() + Send + Sync + Copy + 'static) {
    run(RandomScheduler::new(runs() / 2), scene);
    run(PctScheduler::new(4, runs() / 2), scene);
}

fn run(scheduler: impl Scheduler + 'static, scene: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    Runner::new(scheduler, config).run(scene);
}

/// Nobody disturbs: every command succeeds, every call returns what it should. [MOD-03, NT-03]
pub fn a_whole_operation() {
    try_orders(|| Operation::new(1, false).run(Disturbance::None));
}

/// Devices in two processes.
pub fn an_operation_with_a_secondary() {
    try_orders(|| Operation::new(2, true).run(Disturbance::None));
}

/// [ABT-03, ABT-08]
pub fn a_client_aborts_at_any_moment() {
    try_orders(|| Operation::new(1, false).run(Disturbance::ClientAborts));
}

pub fn a_server_aborts_at_any_moment() {
    try_orders(|| Operation::new(1, false).run(Disturbance::ServerAborts));
}

/// [AMB-33, CSET-CLOSE-08]
pub fn a_client_closes_at_any_moment() {
    try_orders(|| Operation::new(1, false).run(Disturbance::ClientCloses));
}

/// [AMB-40, SSET-CLOSE-01]
pub fn a_server_closes_at_any_moment() {
    try_orders(|| Operation::new(1, false).run(Disturbance::ServerCloses));
}

/// Everything at once, with two devices in two processes.
pub fn all_end_it_at_once() {
    try_orders(|| Operation::new(2, true).run(Disturbance::All));
}
