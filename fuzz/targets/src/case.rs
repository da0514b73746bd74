//! What holds for every case: nothing panics, not even where the library catches it, and nothing is
//! left behind.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::backtrace::Backtrace;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, panic, process, thread};

/// Largest memory that a set gets: what is wild is refused by the system, as if there were no more.
pub(crate) const MOST_MEMORY: u64 = 4 << 20;
/// Long enough for any machine. What is not gone by then stays.
const PATIENCE: Duration = Duration::from_secs(60);

/// What panicked last, if anything did.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Runs a case in an empty runtime directory. Nothing else may run in this process.
pub(crate) fn case(run: impl FnOnce()) {
    prepare();
    let directory = directory();
    // What a case that failed has left.
    let _ = fs::remove_dir_all(directory);
    fs::create_dir(directory).expect("the runtime directory is new");
    let before = Held::now();
    run();
    let panic = lock(&PANIC).take();
    assert!(panic.is_none(), "{}", panic.unwrap_or_default());
    let start = Instant::now();
    while Held::now() != before {
        let now = Held::now();
        assert!(start.elapsed() < PATIENCE, "{now:?} and before {before:?}");
        thread::sleep(Duration::from_millis(1));
    }
    fs::remove_dir(directory).expect("nothing is left in the runtime directory");
}

fn lock(panic: &Mutex<Option<String>>) -> MutexGuard<'_, Option<String>> {
    panic.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The runtime directory of this process.
pub(crate) fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| env::temp_dir().join(format!("vdi-fuzz-{}", process::id())))
}

fn prepare() {
    static PREPARED: Once = Once::new();
    PREPARED.call_once(|| {
        // SAFETY: nothing of the library runs yet, and nothing else changes the environment.
        unsafe { env::set_var("VDI_RUNTIME_DIR", directory()) };
        let limit = Rlimit {
            current: Some(MOST_MEMORY),
            ..getrlimit(Resource::Fsize)
        };
        setrlimit(Resource::Fsize, limit).expect("a lower limit is allowed");
        // Some descriptors stay for as long as the process.
        fs::create_dir(directory()).expect("the runtime directory is new");
        crate::program::warm_up();
        fs::remove_dir(directory()).expect("nothing is left in the runtime directory");
        // In front of the library's own hook, which keeps its panics to itself.
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |why| {
            *lock(&PANIC) = Some(format!("{why}\n{}", Backtrace::capture()));
            before(why);
        }));
    });
}

/// What a process has of its sets.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    descriptors: usize,
    mappings: usize,
}

impl Held {
    fn now() -> Self {
        let maps = fs::read_to_string("/proc/self/maps").expect("the system has /proc");
        Self {
            descriptors: fs::read_dir("/proc/self/fd").map_or(0, Iterator::count),
            mappings: maps.lines().filter(|line| line.contains("/memfd:")).count(),
        }
    }
}
