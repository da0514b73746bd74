//! A process that does everything, and one that tidies up after it however it ends.

use crate::os::{self, Pid};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::{env, fs};

/// Directories of this run; gone with this value.
pub struct Places {
    /// Where the sets meet.
    pub runtime: PathBuf,
    pub tmpfs: PathBuf,
    pub disk: PathBuf,
}

impl Places {
    pub fn new(disk: &Path) -> io::Result<Self> {
        let name = format!("vdi-bench-{}", std::process::id());
        let places = Self {
            runtime: env::temp_dir().join(&name),
            tmpfs: Path::new("/dev/shm").join(&name),
            disk: disk.join(&name),
        };
        places.all().into_iter().try_for_each(fs::create_dir)?;
        Ok(places)
    }

    fn all(&self) -> [&PathBuf; 3] {
        [&self.runtime, &self.tmpfs, &self.disk]
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        for place in self.all() {
            if fs::remove_dir_all(place).is_err() {
                eprintln!("vdi-bench: cannot remove {}", place.display());
            }
        }
    }
}

static WORKER: AtomicI32 = AtomicI32::new(0);

/// Passes a signal on; the end of the worker ends this process.
extern "C" fn pass_on(_: libc::c_int) {
    let worker = WORKER.load(Ordering::Acquire);
    if worker > 0 {
        os::kill(worker);
    }
}

/// Runs `body` in a worker, whose directories are removed when it has ended; whether all was good.
pub fn run(disk: &Path, body: impl FnOnce(&Places) -> bool) -> io::Result<bool> {
    let places = Places::new(disk)?;
    let worker: Pid = os::fork(|| {
        os::end_with_parent();
        if !body(&places) {
            // SAFETY: ends this child without the exit handlers of the other process.
            unsafe { libc::_exit(1) };
        }
    })?;
    WORKER.store(worker, Ordering::Release);
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let handler = pass_on as extern "C" fn(libc::c_int);
        // SAFETY: the handler calls nothing but kill(2).
        unsafe { libc::signal(signal, handler as libc::sighandler_t) };
    }
    let status = os::wait(worker);
    crate::transports::iceoryx::sweep();
    Ok(status == 0)
}
