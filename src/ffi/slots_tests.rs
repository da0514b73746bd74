use super::*;
use std::sync::Arc;
use std::thread;

/// Objects that are still alive have a reference to this.
fn counted() -> Arc<()> {
    Arc::new(())
}

/// Puts in an object that belongs to its number halved; its index.
fn insert<T>(slots: &Slots<T>, sequence: u64, object: T) -> usize {
    let place = slots.reserve().unwrap();
    let index = place.index();
    place.fill(sequence, sequence / 2, object);
    index
}

#[test]
fn every_index_has_one_place() {
    let mut expected = (0, 0);
    for index in 0..10_000 {
        assert_eq!(place(index), expected);
        expected.1 += 1;
        if expected.1 == FIRST << expected.0 {
            expected = (expected.0 + 1, 0);
        }
    }
    assert_eq!(
        place((1 << INDEX_BITS) - FIRST).0,
        PIECES,
        "no index has more bits"
    );
}

#[test]
fn an_object_lives_until_it_is_closed_and_nobody_uses_it() {
    let slots = Slots::new();
    let object = counted();
    let index = insert(&slots, 7, Arc::clone(&object));
    assert!(slots.hold(index, 8).is_none() && slots.hold(index + 1, 7).is_none());
    let user = slots.hold(index, 7).unwrap();
    let closer = slots.close(index, 7).unwrap();
    assert!(slots.hold(index, 7).is_none() && slots.close(index, 7).is_none());
    drop(closer);
    assert!(Arc::ptr_eq(&user, &object));
    assert_eq!(Arc::strong_count(&object), 2);
    drop(user);
    assert_eq!(Arc::strong_count(&object), 1);
    let again = insert(&slots, 8, counted());
    assert_eq!(again, index, "the place is used again");
    assert!(slots.hold(index, 7).is_none() && slots.hold(index, 8).is_some());
}

#[test]
fn places_are_added_and_do_not_move() {
    let slots = Slots::new();
    let first = insert(&slots, 1, 1);
    let user = slots.hold(first, 1).unwrap();
    let indices: Vec<_> = (2..=200).map(|n| insert(&slots, n, n)).collect();
    assert!(std::ptr::eq(&*user, &*slots.hold(first, 1).unwrap()));
    for (n, index) in (2..).zip(&indices) {
        assert_eq!(*slots.hold(*index, n).unwrap(), n);
    }
}

#[test]
fn an_owner_s_objects_are_closed_together() {
    let slots = Slots::new();
    let indices: Vec<_> = (2..=9).map(|n| insert(&slots, n, n)).collect();
    slots.close_all(3);
    let open = (2..).zip(&indices);
    let open = open.filter(|(n, index)| slots.hold(**index, *n).is_some());
    let open: Vec<_> = open.map(|(n, _)| n).collect();
    assert_eq!(open, [2, 3, 4, 5, 8, 9]);
}

#[test]
fn a_place_that_is_reserved_is_nobody_else_s_until_it_is_given_back() {
    let slots = Slots::<u64>::new();
    let place = slots.reserve().unwrap();
    let index = place.index();
    let other = insert(&slots, 5, 5);
    assert_ne!(other, index);
    assert!(slots.hold(index, 0).is_none(), "there is no object yet");
    slots.close_all(0);
    drop(place);
    assert!(slots.hold(index, 0).is_none());
    assert_eq!(insert(&slots, 6, 6), index);
}

#[test]
fn old_numbers_never_reach_a_new_object() {
    const ROUNDS: u64 = 20_000;
    let slots = Slots::<(u64, Arc<()>)>::new();
    let object = counted();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for sequence in 1..=ROUNDS {
                    if let Some(held) = slots.hold(0, sequence) {
                        assert_eq!(held.0, sequence);
                        assert!(Arc::strong_count(&held.1) > 1);
                    }
                }
            });
        }
        for sequence in 1..=ROUNDS {
            let index = insert(&slots, sequence, (sequence, Arc::clone(&object)));
            drop(slots.close(index, sequence));
        }
    });
    assert_eq!(Arc::strong_count(&object), 1, "each was dropped");
}
