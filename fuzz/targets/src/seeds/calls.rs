//! What a program does alone.

use super::life::*;
use super::{Seed, seed};
use crate::program::call;

pub(super) fn seeds() -> Vec<Seed> {
    let ready = |steps: &[Step<'_>]| bytes(&[&CONFIGURED, &READY, steps]);
    let seed = |name, bytes| seed("calls", name, bytes);
    vec![
        seed(
            "backup",
            ready(&[
                WRITE,
                GET,
                COMPLETE,
                FLUSH,
                GET,
                COMPLETE,
                CLOSE_DEVICE,
                GET,
                CLOSE,
                SERVER_CLOSE,
            ]),
        ),
        seed(
            "an-error",
            ready(&[
                WRITE,
                FLUSH,
                GET,
                FAIL,
                GET,
                CLEAR_ERROR,
                GET,
                COMPLETE,
                FLUSH,
                GET,
                CLOSE_DEVICE,
            ]),
        ),
        seed(
            "a-secondary",
            bytes(&[
                &[
                    CREATE_TWO,
                    OPEN,
                    BEGIN,
                    REQUEST,
                    END,
                    CONFIGURATION,
                    SECONDARY,
                ],
                &[
                    SERVER_DEVICE,
                    (call::SERVER_OPEN_DEVICE, &[0, 1, 0]),
                    ALLOCATE,
                ],
                &[
                    DEVICE,
                    (call::OPEN_DEVICE, &[1, 1, 0]),
                    WRITE,
                    GET,
                    HANDLE,
                    MAP,
                    COMPLETE,
                ],
                &[
                    (call::LOST_SECONDARIES, &[0, 0]),
                    (call::CLOSE, &[1]),
                    CLOSE,
                ],
            ]),
        ),
        seed(
            "aborts",
            ready(&[
                WRITE,
                GET,
                (call::SIGNAL_ABORT, &[0, 0xff]),
                REASON,
                COMPLETE,
                (
                    call::SERVER_SIGNAL_ABORT,
                    &[0, 0xfe, 7, 0, 98, 101, 99, 97, 117, 115, 101],
                ),
                SERVER_REASON,
            ]),
        ),
        seed(
            "routines",
            ready(&[
                (call::SEND_COMMAND, &[0, 1, 3, 0, 0xff, 0, 0, 0]),
                GET,
                COMPLETE,
                GET,
                COMPLETE,
                (call::SEND_COMMAND, &[0, 4, 3, 0, 0xff, 0, 0, 0]),
                (call::SEND_COMMAND, &[0, 2, 3, 0, 0xff, 0, 0, 0]),
                GET,
                COMPLETE,
                GET,
                COMPLETE,
                GET,
            ]),
        ),
        seed(
            "a-routine-closes",
            ready(&[
                (call::SEND_COMMAND, &[0, 5, 3, 0, 0xff, 0, 0, 0]),
                GET,
                COMPLETE,
                GET,
            ]),
        ),
        seed(
            "a-full-queue",
            ready(&[
                (call::SEND_COMMAND, &[0, 0, 3, 0, 0xff, 0, 0xff, 0xff, 0xff]),
                GET,
                CLOSE,
            ]),
        ),
        seed(
            "later-buffers",
            ready(&[
                REQUEST,
                (call::QUERY_AVAILABLE_BUFFERS, &[0, 1, 0, 0]),
                ALLOCATE,
                ALLOCATE,
                (call::IS_SHARED_BUFFER, &[0, 0xe0, 1]),
                WRITE,
                GET,
                (call::FREE_BUFFER, &[0, 0, 1]),
                COMPLETE,
                (call::FREE_BUFFER, &[0, 0, 1]),
            ]),
        ),
        seed(
            "wild-values",
            bytes(&[
                &[CREATE, OPEN, BEGIN],
                &[(call::REQUEST_BUFFERS, &[0, 11, 11, 15])],
                &[(call::REQUEST_BUFFERS, &[0, 11, 0, 15])],
                &[(
                    call::REQUEST_BUFFERS,
                    &[0, 200, 1, 2, 3, 4, 0, 200, 1, 2, 3, 4],
                )],
                &[
                    END,
                    CONFIGURATION,
                    (call::NAMES, &[200, 1, 2, 3, 4, 5, 6, 7]),
                ],
            ]),
        ),
        seed(
            "no-pointers",
            bytes(&[
                &[
                    (call::CREATE, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff]),
                    CREATE,
                ],
                &[(
                    call::CREATE,
                    &[0xfe, 0, 0, 0xff, 0, 0, 0, 0, 0, 0xfe, 0, 0xff, 0xfe],
                )],
                &[
                    (call::SERVER_OPEN, &[0, 0, 0xff]),
                    OPEN,
                    (call::GET_CONFIGURATION, &[0, 0, 0xfe]),
                ],
                &[
                    (call::BEGIN_CONFIGURATION, &[0, 0, 0, 0, 0, 0, 0xff]),
                    BEGIN,
                    REQUEST,
                    END,
                ],
                &[(call::SERVER_OPEN_DEVICE, &[0, 0xff, 0]), SERVER_DEVICE],
                &[
                    (call::OPEN_DEVICE, &[0, 0, 0xff]),
                    (call::GET_COMMAND, &[0, 0, 0xff]),
                ],
            ]),
        ),
        seed(
            "wrong-handles",
            bytes(&[
                &CONFIGURED,
                &[
                    (call::CLOSE, &[0xf8]),
                    (call::SERVER_CLOSE, &[0xff]),
                    (call::CLOSE_DEVICE, &[0xfa]),
                ],
                &[
                    (call::GET_COMMAND, &[0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0]),
                    CLOSE,
                    CLOSE,
                ],
                &[SERVER_CLOSE, SERVER_CLOSE, CONFIGURATION, CREATE],
            ]),
        ),
    ]
}
