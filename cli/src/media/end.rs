//! Where a backup set ends on a medium of which every place can be read, and whether another
//! medium goes on with it.

use std::io::Read;

use super::reader::exact;
use super::record::{HEADER_BYTES, Record};
use super::{Error, Label};

/// The place behind the backup set whose first record is at `start`, found without reading what
/// lies between: all data records but the last one are of one size, so their number can be found by
/// doubling and halving. None if the set has no end there. `look` gives the bytes at a place.
pub(crate) fn end_of<E>(
    label: &Label,
    start: u64,
    look: &mut dyn FnMut(u64) -> Result<Vec<u8>, E>,
) -> Result<Option<u64>, E> {
    let place = |count: u64| start.saturating_add(count.saturating_mul(label.record_size.into()));
    let mut header = |at| {
        Ok(look(at)?
            .first_chunk::<HEADER_BYTES>()
            .and_then(|bytes| of(label, *bytes)))
    };
    // Whether so many data records are there. Their numbers say that they are in their places.
    let mut has = |count: u64| {
        let is_last = |record: Record| !record.end && record.number == label.number(count - 1);
        Ok(header(place(count - 1))?.is_some_and(is_last))
    };
    let (mut there, mut not_there) = (0, 1);
    while has(not_there)? {
        (there, not_there) = (not_there, not_there * 2);
    }
    while there + 1 < not_there {
        let middle = there.midpoint(not_there);
        match has(middle)? {
            true => there = middle,
            false => not_there = middle,
        }
    }
    // Only the last record may be shorter than the others.
    let mut end = place(there);
    if there > 0 {
        let Some(last) = header(place(there - 1))? else {
            return Ok(None);
        };
        end = place(there - 1) + last.length(label.block_size);
    }
    let last =
        header(end)?.filter(|record| record.ends_before(label.number(there), label.families));
    Ok(last.map(|record| end + record.length(label.block_size)))
}

/// Number of the first record that begins on a medium on which a backup goes on. Before it may be
/// the rest of another one. None if there is none of that backup.
pub(crate) fn first_record(
    device: usize,
    input: &mut impl Read,
    label: &Label,
) -> Result<Option<u64>, Error> {
    let mut block = vec![0; label.block_size as usize];
    for _ in 0..=label.record_size / label.block_size {
        match exact(device, input, &mut block) {
            Ok(()) => {}
            Err(Error::Short { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let header = block.first_chunk::<HEADER_BYTES>();
        if let Some(record) = header.and_then(|bytes| of(label, *bytes)) {
            return Ok(Some(record.number));
        }
    }
    Ok(None)
}

/// The header, if it is one of that backup.
fn of(label: &Label, bytes: [u8; HEADER_BYTES]) -> Option<Record> {
    Record::decode(bytes).filter(|record| record.begins_in(&label.backup))
}
