//! Buffer handles: 32 bits that mean the same buffer in every client process of a set.
//!
//! Every slot of every device has an entry in the control segment. The process that received the
//! command in that slot fills the entry when it is asked for a handle, and clears it when the
//! command is completed. A handle is the number of the slot and a tag; the tag differs from use to
//! use and from set to set, so that stale, foreign and invented handles are recognised.

use crate::protocol::command::Place;
use crate::shm::control::Control;
use crate::sync::{Ordering, fence};

/// Bits of a handle that hold the number of the slot: enough for the most slots of a set.
const SLOT_BITS: u32 = 12;

/// What a handle stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) place: Place,
    pub(super) size: u32,
}

/// The handle of the `use_count`-th command in a slot. Never 0.
fn handle(control: &Control, device: usize, slot: u32, use_count: u32) -> u32 {
    let geometry = control.geometry();
    let number = device as u32 * geometry.capacity + slot;
    let start = (geometry.tag >> (number % 32)) as u32;
    tag(start, use_count) << SLOT_BITS | number
}

/// 1 to `TAGS`, each once before any comes again, wherever a set starts.
fn tag(start: u32, use_count: u32) -> u32 {
    (start % TAGS + use_count % TAGS) % TAGS + 1
}

const TAGS: u32 = (1 << (u32::BITS - SLOT_BITS)) - 1;

/// Publishes the meaning of a slot's current buffer and returns its handle.
pub(super) fn publish(
    control: &Control,
    device: usize,
    slot: u32,
    use_count: u32,
    meaning: Meaning,
) -> u32 {
    let handle = handle(control, device, slot, use_count);
    let entry = control.device(device).handle(slot);
    // Whoever sees a part of the new meaning also sees that the old handle is gone.
    fence(Ordering::Release);
    entry[1].store(meaning.place.offset, Ordering::Relaxed);
    entry[2].store(meaning.size.into(), Ordering::Relaxed);
    let word = u64::from(meaning.place.area) << 32 | u64::from(handle);
    entry[0].store(word, Ordering::Release);
    handle
}

/// Makes the handle of a slot invalid, if there is one.
pub(super) fn retire(control: &Control, device: usize, slot: u32) {
    control.device(device).handle(slot)[0].store(0, Ordering::Release);
}

/// What a handle stands for now; `None` if for nothing. The caller checks the place.
pub(super) fn look_up(control: &Control, handle: u32) -> Option<Meaning> {
    let geometry = control.geometry();
    let number = handle & ((1 << SLOT_BITS) - 1);
    let device = number / geometry.capacity;
    if handle == 0 || device >= geometry.devices {
        return None;
    }
    let block = control.device(device as usize);
    let entry = block.handle(number % geometry.capacity);
    let word = entry[0].load(Ordering::Acquire);
    if word as u32 != handle {
        return None;
    }
    let meaning = Meaning {
        place: Place {
            area: (word >> 32) as u32,
            offset: entry[1].load(Ordering::Relaxed),
        },
        size: entry[2].load(Ordering::Relaxed) as u32,
    };
    // An entry that changed meanwhile belongs to another command.
    fence(Ordering::Acquire);
    (entry[0].load(Ordering::Relaxed) == word).then_some(meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEANING: Meaning = Meaning {
        place: Place {
            area: 1,
            offset: 65536,
        },
        size: 512,
    };

    /// [CSET-BUFH-03, CSET-BUFH-04, CSET-BUFH-07]
    #[test]
    fn handles_are_valid_in_their_set_until_they_are_retired() {
        let control = Control::create(64, 64, 0).unwrap();
        let foreign = Control::create(64, 64, 0).unwrap();
        let one = publish(&control, 63, 63, 0, MEANING);
        assert_eq!(look_up(&control, one), Some(MEANING));
        assert_eq!(look_up(&foreign, one), None);
        publish(&foreign, 63, 63, 0, MEANING);
        assert_eq!(look_up(&foreign, one), None, "the tags of sets differ");
        retire(&control, 63, 63);
        assert_eq!(look_up(&control, one), None);
        let two = publish(&control, 63, 63, 1, MEANING);
        assert_ne!(one, two);
        assert_eq!(look_up(&control, one), None, "stale");
    }

    /// A handle comes back only after all others of its slot have been used. [CSET-BUFH-07]
    #[test]
    fn every_use_of_a_slot_has_another_handle() {
        for start in [0, 1, 0x1234_5678, u32::MAX - TAGS / 2, u32::MAX] {
            let mut seen = vec![false; TAGS as usize + 1];
            for use_count in 0..TAGS {
                let tag = tag(start, use_count);
                assert_ne!(tag, 0);
                assert!(!std::mem::replace(&mut seen[tag as usize], true), "{tag}");
            }
        }
        let control = Control::create(64, 64, 0).unwrap();
        for (device, slot) in [(0, 0), (0, 1), (1, 0), (63, 63)] {
            let number = device as u32 * 64 + slot;
            let handle = handle(&control, device, slot, 7);
            assert_eq!(handle & ((1 << SLOT_BITS) - 1), number);
        }
    }

    /// [SEC-07]
    #[test]
    fn no_invented_value_is_followed() {
        let control = Control::create(3, 64, 0).unwrap();
        let real = publish(&control, 2, 5, 9, MEANING);
        assert_eq!(look_up(&control, real), Some(MEANING));
        for value in (0..=u32::MAX).step_by(4097).chain(0..8192) {
            assert!(value == real || look_up(&control, value).is_none());
        }
    }
}
