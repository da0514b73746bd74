use super::*;
use std::sync::Arc;
use std::thread;

/// Objects that are still alive have a reference to this.
fn counted() -> Arc<()> {
    Arc::new(())
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
    let index = slots.insert(7, Arc::clone(&object)).unwrap();
    assert!(slots.hold(index, 8).is_none() && slots.hold(index + 1, 7).is_none());
    let user = slots.hold(index, 7).unwrap();
    let closer = slots.close(index, 7).unwrap();
    assert!(slots.hold(index, 7).is_none() && slots.close(index, 7).is_none());
    drop(closer);
    assert!(Arc::ptr_eq(&user, &object));
    assert_eq!(Arc::strong_count(&object), 2);
    drop(user);
    assert_eq!(Arc::strong_count(&object), 1);
    assert_eq!(
        slots.insert(8, counted()),
        Some(index),
        "the place is used again"
    );
    assert!(slots.hold(index, 7).is_none() && slots.hold(index, 8).is_some());
}

#[test]
fn places_are_added_and_do_not_move() {
    let slots = Slots::new();
    let first = slots.insert(1, 1).unwrap();
    let user = slots.hold(first, 1).unwrap();
    let indices: Vec<_> = (2..=200).map(|n| slots.insert(n, n).unwrap()).collect();
    assert!(std::ptr::eq(&*user, &*slots.hold(first, 1).unwrap()));
    for (n, index) in (2..).zip(&indices) {
        assert_eq!(*slots.hold(*index, n).unwrap(), n);
    }
    slots.close_all(|n| n % 2 == 0);
    let open = (2..)
        .zip(&indices)
        .filter(|(n, index)| slots.hold(**index, *n).is_some());
    assert_eq!(open.count(), 99);
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
            let index = slots
                .insert(sequence, (sequence, Arc::clone(&object)))
                .unwrap();
            drop(slots.close(index, sequence));
        }
    });
    assert_eq!(Arc::strong_count(&object), 1, "each was dropped");
}
