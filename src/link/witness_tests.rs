use super::*;
use crate::link::support::Watchdog;
use crate::sys::pidfd::holds_in_forked_child;
use std::fs;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;

/// Does what it is told to whenever it looks, and says that it has looked.
struct Probe<F> {
    word: Option<AtomicU32>,
    looks: Sender<()>,
    answer: F,
}

impl<F: Fn(&Option<AtomicU32>) + Send + Sync + 'static> Probe<F> {
    /// A probe, with its vigil and its looks.
    fn attending(word: Option<AtomicU32>, answer: F) -> (Vigil, Arc<Self>, Receiver<()>) {
        let (looks, looked) = mpsc::channel();
        let probe = Arc::new(Self {
            word,
            looks,
            answer,
        });
        let vigil = attend(probe.clone()).unwrap();
        (vigil, probe, looked)
    }

    fn word(&self) -> &AtomicU32 {
        self.word.as_ref().unwrap()
    }

    /// What the kernel does to the word of a thread that dies.
    fn die(&self) {
        self.word().fetch_add(1, Ordering::AcqRel);
        futex_wake(self.word());
    }
}

impl<F: Fn(&Option<AtomicU32>) + Send + Sync> Survivor for Probe<F> {
    fn word(&self) -> Option<&AtomicU32> {
        self.word.as_ref()
    }

    fn look(&self) {
        (self.answer)(&self.word);
        let _ = self.looks.send(());
    }
}

fn life() -> Option<AtomicU32> {
    Some(AtomicU32::new(0))
}

/// Says something when its word has been marked.
fn marked(word: &Option<AtomicU32>, told: &SyncSender<String>, text: impl Fn() -> String) {
    if word.as_ref().unwrap().load(Ordering::Acquire) > 0 {
        let _ = told.try_send(text());
    }
}

#[test]
fn a_marked_word_is_looked_at_by_a_thread_that_takes_no_signals() {
    let _watchdog = Watchdog::start();
    let (told, hears) = mpsc::sync_channel(10);
    let status = || fs::read_to_string("/proc/thread-self/status").unwrap();
    let answer = move |word: &_| marked(word, &told, status);
    let (_vigil, probe, looked) = Probe::attending(life(), answer);
    looked.recv().unwrap();
    probe.die();
    let status = hears.recv().unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    assert_eq!(field("Name:"), "vdi-witness");
    let blocked = u64::from_str_radix(&field("SigBlk:"), 16).unwrap();
    // All but SIGKILL and SIGSTOP, which nobody can block, and two that the C library keeps.
    let unblockable = (1 << 8) | (1 << 18) | (1 << 31) | (1 << 32);
    assert_eq!(blocked | unblockable, u64::MAX);
}

/// The thread looks twice a second: a look after 1, 2, 4, 8, 16, 16 and 16 seconds would come too late
/// for the watchdog.
fn is_looked_at_often(looked: &Receiver<()>) {
    for _ in 0..9 {
        looked.recv().unwrap();
    }
}

/// One whose word finds no place in a sleep is looked at from time to time. [CRASH-01]
#[test]
fn more_words_than_a_sleep_has_are_seen_all_the_same() {
    let _watchdog = Watchdog::start();
    let (told, hears) = mpsc::sync_channel(1);
    let others = (0..FUTEX_WORDS).map(|_| Probe::attending(life(), |_| ()));
    let _others: Vec<_> = others.collect();
    let answer = move |word: &_| marked(word, &told, String::new);
    let (_vigil, probe, looked) = Probe::attending(life(), answer);
    is_looked_at_often(&looked);
    probe.die();
    hears.recv().unwrap();
}

#[test]
fn one_that_has_no_word_is_looked_at_from_time_to_time() {
    let _watchdog = Watchdog::start();
    let (_vigil, _probe, looked) = Probe::attending(None, |_| ());
    is_looked_at_often(&looked);
}

/// A peer that takes the kernel's wake-up away only delays the news. [CRASH-01]
#[test]
fn a_mark_is_seen_that_nobody_was_woken_for() {
    let _watchdog = Watchdog::start();
    let (told, hears) = mpsc::sync_channel(1);
    let answer = move |word: &_| marked(word, &told, String::new);
    let (_vigil, probe, looked) = Probe::attending(life(), answer);
    // A second look is one after a sleep: the thread is asleep again, or will be.
    looked.recv().unwrap();
    looked.recv().unwrap();
    probe.word().fetch_add(1, Ordering::AcqRel);
    hears.recv().unwrap();
}

#[test]
fn a_panic_ends_neither_the_thread_nor_the_vigil() {
    let _watchdog = Watchdog::start();
    let (told, hears) = mpsc::sync_channel(10);
    let (_vigil, probe, _) = Probe::attending(life(), move |word| {
        marked(word, &told, String::new);
        std::panic::resume_unwind(Box::new(()));
    });
    for _ in 0..2 {
        probe.die();
        hears.recv().unwrap();
    }
}

#[test]
fn the_end_of_a_vigil_waits_for_the_look_in_progress() {
    let _watchdog = Watchdog::start();
    let (started, starts) = mpsc::sync_channel(0);
    let (release, released) = mpsc::sync_channel::<()>(0);
    let released = Mutex::new(released);
    let (vigil, probe, _) = Probe::attending(life(), move |_| {
        if started.send(()).is_ok() {
            let _ = released.lock().unwrap().recv();
        }
    });
    starts.recv().unwrap();
    let (dropped, drops) = mpsc::channel();
    let dropper = thread::spawn(move || {
        drop(vigil);
        dropped.send(()).unwrap();
    });
    // The look is in progress, so however long this waits, the drop has not returned.
    assert!(drops.recv_timeout(Duration::from_millis(50)).is_err());
    drop(starts);
    release.send(()).unwrap();
    drops.recv().unwrap();
    dropper.join().unwrap();
    assert_eq!(Arc::strong_count(&probe), 1);
}

/// The child's copy of a vigil is not the child's to end, and its own ones work.
#[test]
fn a_forked_child_has_a_witness_of_its_own() {
    let _watchdog = Watchdog::start();
    let (vigil, probe, looked) = Probe::attending(life(), |_| ());
    looked.recv().unwrap();
    let mut vigil = Some(vigil);
    assert!(holds_in_forked_child(|| {
        drop(vigil.take());
        let (told, hears) = mpsc::sync_channel(10);
        let answer = move |word: &_| marked(word, &told, String::new);
        let (_vigil, probe, _) = Probe::attending(life(), answer);
        probe.die();
        hears.recv().is_ok()
    }));
    probe.die();
    drop(vigil);
    assert_eq!(Arc::strong_count(&probe), 1);
}
