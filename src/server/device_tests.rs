//! What a server believes of a completion.

use super::*;
use crate::protocol::codes::{VDC_Flush, VDC_Read};

fn outstanding(code: i32) -> Progress {
    Progress {
        sent: 1,
        outstanding: vec![Some(Outstanding {
            callback: Callback::new(drop),
            code,
            size: 100,
            address: 0,
            position: 0,
        })],
        tickets: VecDeque::new(),
        failed: false,
        closed: false,
        dead: false,
    }
}

/// What a client says about bytes is believed up to the size of a transfer. [SEC-07, CDEV-COMPLETE-04]
#[test]
fn an_impossible_byte_count_is_refused() {
    for (code, bytes, fine) in [
        (VDC_Read, 100, true),
        (VDC_Read, 101, false),
        (VDC_Flush, 0, true),
        (VDC_Flush, 1, false),
    ] {
        let message = CompletionMessage {
            ticket: 0,
            completion: Completion {
                bytes,
                ..Completion::automatic(0)
            },
        };
        assert_eq!(outstanding(code).take(&message).is_ok(), fine, "{bytes}");
    }
}
