//! Tables by slot: as long as the queue of a device, which may be more than small.

use crate::error::{Error, ErrorKind, Result};
use crate::sys::heap;

/// A table with an entry for each slot; `Memory` if there is none for it.
pub(crate) fn by_slot<T>(slots: u32, entry: impl FnMut(u32) -> T) -> Result<Vec<T>> {
    let mut table = Vec::new();
    let reserved = table.try_reserve_exact(slots as usize);
    // It may have taken what the call had looked for.
    heap::make_room();
    reserved.map_err(|_| {
        let text = "this process has no memory for the queue of the device";
        Error::new(ErrorKind::Memory, text)
    })?;
    table.extend((0..slots).map(entry));
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_all_slots_or_there_is_none() {
        assert_eq!(by_slot(3, |slot| slot).unwrap(), [0, 1, 2]);
        // More than a process can have.
        let error = by_slot(u32::MAX, |_| [0_u8; 1 << 32]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Memory);
    }
}
