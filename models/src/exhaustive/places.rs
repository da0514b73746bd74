//! The places in which the objects behind handles are.

use super::support::explore;
use crate::slots::Slots;
use crate::sync::{UnsafeCell, thread};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An object that knows its number and counts its end.
struct Object {
    number: u64,
    content: UnsafeCell<bool>,
    drops: Arc<AtomicUsize>,
}

// SAFETY: loom ends the run if a thread reads the content while another one drops the object.
unsafe impl Sync for Object {}
// SAFETY: as above.
unsafe impl Send for Object {}

impl Object {
    fn is_used(&self, number: u64) {
        assert_eq!(self.number, number, "the number of an object");
        // SAFETY: see `Object`.
        assert!(self.content.with(|content| unsafe { *content }));
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: see `Object`.
        self.content.with_mut(|content| unsafe { *content = false });
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whom an object belongs to.
fn owner(number: u64) -> u64 {
    100 + number
}

/// Places, and how often the object of each number was dropped.
struct Places {
    slots: Slots<Object>,
    drops: [Arc<AtomicUsize>; 4],
}

impl Places {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            slots: Slots::new(),
            drops: Default::default(),
        })
    }

    fn insert(&self, number: u64) -> usize {
        let object = Object {
            number,
            content: UnsafeCell::new(true),
            drops: Arc::clone(&self.drops[number as usize]),
        };
        let reserved = self.slots.reserve().expect("a place");
        let place = reserved.index();
        reserved.fill(number, owner(number), object);
        place
    }

    /// Whether there is an object with that number.
    fn try_use(&self, place: usize, number: u64) -> bool {
        let hold = self.slots.hold(place, number);
        hold.inspect(|object| object.is_used(number)).is_some()
    }

    fn close(&self, place: usize, number: u64) -> bool {
        self.slots.close(place, number).is_some()
    }

    /// A thread that closes all that belongs to the owner of a number.
    fn ending(self: &Arc<Self>, number: u64) -> thread::JoinHandle<()> {
        let places = Arc::clone(self);
        thread::spawn(move || places.slots.close_all(owner(number)))
    }

    fn drops(&self, number: u64) -> usize {
        self.drops[number as usize].load(Ordering::Relaxed)
    }
}

/// One thread uses an object while another one closes it and puts a new one in, most often at the same
/// place. Each is dropped once, and nobody is given the other one.
pub fn an_old_number_never_reaches_a_new_object() {
    explore(3, || {
        let places = Places::new();
        let place = places.insert(1);
        let user = {
            let places = Arc::clone(&places);
            thread::spawn(move || places.try_use(place, 1))
        };
        assert!(places.close(place, 1));
        let next = places.insert(2);
        assert!(places.try_use(next, 2), "a new object is found");
        user.join().unwrap();
        assert!(!places.try_use(place, 1), "a closed object is not found");
        assert_eq!(places.drops(1), 1);
        assert_eq!(places.drops(2), 0);
        assert!(places.close(next, 2));
        assert_eq!(places.drops(2), 1);
        // What came and went has left the first place as it was.
        assert_eq!(places.insert(3), place);
        assert!(places.try_use(place, 3));
    });
}

/// Two threads close an object that both know: one does it, and it is dropped once.
pub fn the_last_who_leaves_a_closed_object_drops_it() {
    explore(3, || {
        let places = Places::new();
        let place = places.insert(1);
        let other = {
            let places = Arc::clone(&places);
            thread::spawn(move || {
                places.try_use(place, 1);
                places.close(place, 1)
            })
        };
        let mine = places.close(place, 1);
        assert_ne!(mine, other.join().unwrap(), "one close is the close");
        assert_eq!(places.drops(1), 1);
        assert_eq!(places.insert(2), place);
    });
}

/// An owner that ends closes what belongs to it, not what has come in its place.
pub fn the_end_of_an_owner_ends_nothing_of_another() {
    explore(3, || {
        let places = Places::new();
        let place = places.insert(1);
        let end = places.ending(1);
        places.close(place, 1);
        let next = places.insert(2);
        assert!(places.try_use(next, 2));
        end.join().unwrap();
        assert!(places.try_use(next, 2));
        assert_eq!((places.drops(1), places.drops(2)), (1, 0));
    });
}

/// Nor does it use an object of another, whose own close would then not be its end.
pub fn the_end_of_an_owner_holds_nothing_of_another() {
    explore(3, || {
        let places = Places::new();
        let place = places.insert(2);
        let end = places.ending(1);
        assert!(places.close(place, 2));
        assert_eq!(places.drops(2), 1);
        end.join().unwrap();
    });
}
