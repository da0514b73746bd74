//! The ring and the doorbell alone.

use super::support::explore;
use crate::queue::doorbell::Doorbell;
use crate::queue::patience::Patience;
use crate::queue::ring::Ring;
use crate::sync::{AtomicU32, AtomicU64, Ordering, UnsafeCell, fence, thread};
use std::sync::Arc;
use std::sync::atomic::AtomicU32 as Counter;

const CAPACITY: u32 = 2;

/// A ring, and the bytes that go with each of its messages.
struct Line {
    tail: AtomicU32,
    slots: Vec<AtomicU64>,
}

impl Line {
    fn new(start: u32) -> Self {
        Self {
            tail: AtomicU32::new(start),
            slots: (0..CAPACITY * 2).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn ring(&self) -> Ring<'_> {
        Ring::new(&self.tail, &self.slots, 2)
    }
}

/// A buffer: bytes that two threads use in turn.
struct Bytes(UnsafeCell<u64>);

// SAFETY: loom ends the run if two threads have access at the same time.
unsafe impl Sync for Bytes {}
// SAFETY: as above.
unsafe impl Send for Bytes {}

impl Bytes {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn put(&self, value: u64) {
        // SAFETY: see `Bytes`.
        self.0.with_mut(|bytes| unsafe { *bytes = value });
    }

    fn get(&self) -> u64 {
        // SAFETY: see `Bytes`.
        self.0.with(|bytes| unsafe { *bytes })
    }
}

/// Commands go one way and completions the other, with the bytes of a buffer, across the wrap of the
/// positions. What is published is seen whole and in order; a slot is not written before it was read.
pub fn messages_arrive_whole_and_in_order() {
    const START: u32 = u32::MAX;
    const MESSAGES: u32 = 3;
    static MOST: Counter = Counter::new(0);
    explore(3, || {
        let commands = Arc::new(Line::new(START));
        let completions = Arc::new(Line::new(START));
        let buffers: Arc<[Bytes; 2]> = Arc::new([Bytes::new(), Bytes::new()]);
        let client = thread::spawn({
            let (commands, completions) = (Arc::clone(&commands), Arc::clone(&completions));
            let buffers = Arc::clone(&buffers);
            move || {
                let mut done = 0;
                for _look in 0..3 {
                    let ready = commands.ring().ready(START.wrapping_add(done)).unwrap();
                    for _ in 0..ready {
                        let at = START.wrapping_add(done);
                        let [number, check] = commands.ring().read(at);
                        assert_eq!([number, check], [u64::from(done), u64::from(done) * 7]);
                        let buffer = &buffers[(done % CAPACITY) as usize];
                        assert_eq!(buffer.get(), number);
                        buffer.put(number + 100);
                        completions.ring().write(at, [number, 1]);
                        done += 1;
                    }
                    completions.ring().publish(START.wrapping_add(done));
                }
                done
            }
        });
        let send = |number: u32| {
            buffers[(number % CAPACITY) as usize].put(number.into());
            let message = [u64::from(number), u64::from(number) * 7];
            commands.ring().write(START.wrapping_add(number), message);
        };
        let (mut sent, mut ended) = (0, 0);
        while sent < CAPACITY {
            send(sent);
            sent += 1;
        }
        commands.ring().publish(START.wrapping_add(sent));
        for _look in 0..2 {
            let ready = completions.ring().ready(START.wrapping_add(ended)).unwrap();
            for _ in 0..ready {
                let [number, _] = completions.ring().read(START.wrapping_add(ended));
                assert_eq!(number, u64::from(ended));
                assert_eq!(buffers[(ended % CAPACITY) as usize].get(), number + 100);
                ended += 1;
                if sent < MESSAGES {
                    send(sent);
                    sent += 1;
                    commands.ring().publish(START.wrapping_add(sent));
                }
            }
        }
        MOST.fetch_max(client.join().unwrap(), Ordering::Relaxed);
    });
    assert_eq!(MOST.load(Ordering::Relaxed), MESSAGES);
}

/// A bell, and what is waited for.
struct Post {
    bell: AtomicU32,
    news: [AtomicU32; 2],
    bytes: [Bytes; 2],
}

impl Post {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            bell: AtomicU32::new(0),
            news: [AtomicU32::new(0), AtomicU32::new(0)],
            bytes: [Bytes::new(), Bytes::new()],
        })
    }

    fn bell(&self) -> Doorbell<'_> {
        Doorbell::new(&self.bell)
    }

    fn announce(&self, index: usize, round: u32) {
        self.bytes[index].put(round.into());
        self.news[index].store(round, Ordering::Release);
    }

    fn tell(&self, index: usize, round: u32) {
        self.announce(index, round);
        self.bell().ring();
    }

    fn wait(&self, index: usize, round: u32) {
        let ready = || (self.news[index].load(Ordering::Acquire) == round).then_some(());
        self.sleep(ready);
        assert_eq!(self.bytes[index].get(), u64::from(round));
    }

    fn sleep(&self, ready: impl FnMut() -> Option<()>) {
        let told = self.bell().wait(&Patience, None, ready);
        assert!(told.is_some());
    }
}

fn with(post: &Arc<Post>, body: impl FnOnce(&Post) + 'static) -> thread::JoinHandle<()> {
    let post = Arc::clone(post);
    thread::spawn(move || body(&post))
}

pub fn a_ring_wakes_a_waiter() {
    explore(4, || {
        let post = Post::new();
        let ringer = with(&post, |post| post.tell(0, 1));
        post.wait(0, 1);
        ringer.join().unwrap();
    });
}

/// A waiter that is answered leaves the sign of the other one standing.
pub fn two_waiters_share_a_bell() {
    explore(2, || {
        let post = Post::new();
        let waiters = [0, 1].map(|index| with(&post, move |post| post.wait(index, 1)));
        post.tell(0, 1);
        post.tell(1, 1);
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}

pub fn two_ringers_share_a_bell() {
    explore(3, || {
        let post = Post::new();
        let ringers = [0, 1].map(|index| with(&post, move |post| post.tell(index, 1)));
        post.wait(0, 1);
        post.wait(1, 1);
        for ringer in ringers {
            ringer.join().unwrap();
        }
    });
}

pub fn a_bell_is_used_again_and_again() {
    explore(3, || {
        let (there, back) = (Post::new(), Post::new());
        let other = thread::spawn({
            let (there, back) = (Arc::clone(&there), Arc::clone(&back));
            move || {
                for round in 1..=2 {
                    there.wait(0, round);
                    back.tell(0, round);
                }
            }
        });
        for round in 1..=2 {
            there.tell(0, round);
            back.wait(0, round);
        }
        other.join().unwrap();
    });
}

/// A peer may wipe the sign of a waiter out at any moment. [SEC-07]
pub fn an_alarm_is_heard_though_a_peer_wipes_the_word_out() {
    explore(4, || {
        let post = Post::new();
        let peer = with(&post, |post| post.bell.store(0, Ordering::Relaxed));
        let alarm = with(&post, |post| {
            post.announce(0, 1);
            post.bell().alarm();
        });
        post.wait(0, 1);
        alarm.join().unwrap();
        peer.join().unwrap();
    });
}

/// The checker itself: of two threads that store and then look, one sees the other if fences stand
/// between, and only then.
pub fn fences_are_modelled() {
    let blind = |fenced: bool| {
        let blind = Arc::new(Counter::new(0));
        let seen = Arc::clone(&blind);
        explore(3, move || {
            let words = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
            let look = move |words: &[AtomicU32; 2], mine: usize| {
                words[mine].store(1, Ordering::Relaxed);
                if fenced {
                    fence(Ordering::SeqCst);
                }
                words[1 - mine].load(Ordering::Relaxed)
            };
            let other = thread::spawn({
                let words = Arc::clone(&words);
                move || look(&words, 1)
            });
            if look(&words, 0) + other.join().unwrap() == 0 {
                seen.fetch_add(1, Ordering::Relaxed);
            }
        });
        blind.load(Ordering::Relaxed) > 0
    };
    assert!(blind(false));
    assert!(!blind(true));
}
