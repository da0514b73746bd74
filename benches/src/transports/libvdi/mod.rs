//! libvdi through its C interface: the near process is the server, the far one the client.

mod client;
mod lane;
mod server;

use super::Pair;
use crate::digest::Fold;
use crate::side::{Job, Side};
use crate::vdi_c::{self, Device, Server, device_name, interface, must};
use client::serve;
use lane::{Lane, Outstanding};
use std::ffi::CString;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// How the bytes of a bulk command get into its buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// Copied in, from the source, for each command.
    Copied,
    /// They lie in the buffers already: the server has produced them there.
    InPlace,
}

/// A device set.
pub struct Libvdi {
    name: String,
    filling: Filling,
    /// The build that the processes load.
    library: fn() -> PathBuf,
}

impl Libvdi {
    pub fn new(_: &Job) -> io::Result<Self> {
        Ok(Self {
            name: super::unique("bench"),
            filling: Filling::Copied,
            library: vdi_c::path,
        })
    }

    pub fn in_place(job: &Job) -> io::Result<Self> {
        Ok(Self {
            filling: Filling::InPlace,
            ..Self::new(job)?
        })
    }

    /// The same with the build that checks nothing.
    pub fn unchecked(self) -> Self {
        Self {
            library: vdi_c::unchecked,
            ..self
        }
    }

    pub fn device_name(&self, index: usize) -> CString {
        device_name(&self.name, index)
    }
}

/// A value that other threads of this process use one after another.
#[derive(Clone, Copy)]
pub struct Passed<T>(T);

// SAFETY: handles of the library may be used by any thread; lanes are used by one thread at a time.
unsafe impl<T> Send for Passed<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Passed<T> {}

impl<T: Copy> Passed<T> {
    fn get(&self) -> T {
        self.0
    }
}

/// Sends the first commands of every device; the completion routine sends the others.
fn begin(lanes: &[*mut Lane<'_>], side: &Side) {
    let most = side.job.total.unwrap_or(u64::MAX) as usize;
    for &lane in lanes {
        for _ in 0..side.job.depth.min(most) {
            let outstanding = Outstanding::leak(lane, side.job.size);
            // SAFETY: the agent does not run yet.
            unsafe { &mut *lane }.send(&mut outstanding.command);
        }
    }
}

/// Lends a thread to the set until it has ended.
fn run_agent(server: Server, lanes: &[*mut Lane<'_>], side: &Side) {
    let server = Passed(server);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // SAFETY: plain values.
            let ended = unsafe { (interface().vdi_server_execute_completion_agent)(server.get()) };
            must("vdi_server_execute_completion_agent", ended);
        });
        if side.job.depth == 0 {
            side.wait_for_stop();
            for &lane in lanes {
                // SAFETY: the agent has nothing to do with a lane without commands.
                unsafe { &*lane }.close();
            }
        }
    });
}

impl Pair for Libvdi {
    fn near(&self, side: &Side) {
        vdi_c::load(self.library);
        let server = self.open_server(&side.job);
        let filled = self.fill(server, side);
        let lanes = self.open_lanes(server, side, &filled);
        side.start();
        begin(&lanes, side);
        run_agent(server, &lanes, side);
        let total = |value: fn(&Lane<'_>) -> Fold| {
            // SAFETY: the agent has ended.
            let values = lanes.iter().map(|lane| value(unsafe { &**lane }).value());
            values.fold(0, u64::wrapping_add)
        };
        let result = &side.board.result.0;
        result
            .sent
            .store(total(|lane| lane.sent), Ordering::Release);
        result
            .answered
            .store(total(|lane| lane.answered), Ordering::Release);
        // SAFETY: plain values.
        let closed = unsafe { (interface().vdi_server_close)(server) };
        must("vdi_server_close", closed);
    }

    fn far(&self, side: &Side) {
        vdi_c::load(self.library);
        let set = self.create_set(&side.job);
        let open = |index| Passed(self.open_device(set, index));
        let devices: Vec<_> = (0..side.job.devices).map(open).collect();
        side.start();
        let arrived = match devices.as_slice() {
            [device] => serve(device.get(), side),
            _ => serve_all(&devices, side),
        };
        if side.job.size == 0 {
            side.board
                .result
                .0
                .arrived
                .store(arrived, Ordering::Release);
        }
        // SAFETY: plain values.
        must("vdi_close", unsafe { (interface().vdi_close)(set) });
    }
}

/// A thread for each device.
fn serve_all(devices: &[Passed<Device>], side: &Side) -> u64 {
    std::thread::scope(|scope| {
        let serve = |device| scope.spawn(move || serve(Passed::get(device), side));
        let threads: Vec<_> = devices.iter().map(serve).collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("a device"));
        ended.fold(0, u64::wrapping_add)
    })
}
