//! Lives of sets: what program and peer do, step by step.

use super::{Seed, seed};
use crate::peer::act;
use crate::program::call;

/// A step, and the bytes that it takes; zeros mean what a careful program does.
type Step<'a> = (u8, &'a [u8]);

const CREATE: Step<'_> = (call::CREATE, &[0; 11]);
const CREATE_TWO: Step<'_> = (call::CREATE, &[0, 0, 3, 3, 1, 1, 0, 0, 0, 0, 0]);
const OPEN: Step<'_> = (call::SERVER_OPEN, &[0; 3]);
const BEGIN: Step<'_> = (call::BEGIN_CONFIGURATION, &[0; 7]);
const REQUEST: Step<'_> = (call::REQUEST_BUFFERS, &[0, 1, 0, 1]);
const END: Step<'_> = (call::END_CONFIGURATION, &[0]);
const AGENT: Step<'_> = (call::EXECUTE_COMPLETION_AGENT, &[0, 0]);
const SERVER_DEVICE: Step<'_> = (call::SERVER_OPEN_DEVICE, &[0, 0, 0]);
const ALLOCATE: Step<'_> = (call::ALLOCATE_BUFFER, &[0, 1, 0, 0]);
const CONFIGURATION: Step<'_> = (call::GET_CONFIGURATION, &[0, 2, 0]);
const DEVICE: Step<'_> = (call::OPEN_DEVICE, &[0, 0, 0]);
const WRITE: Step<'_> = (call::SEND_COMMAND, &[0, 0, 0, 2, 0, 0, 0, 0]);
const FLUSH: Step<'_> = (call::SEND_COMMAND, &[0, 0, 3, 0, 0xff, 0, 0, 0]);
const CLEAR_ERROR: Step<'_> = (call::SEND_COMMAND, &[0, 0, 2, 0, 0xff, 0, 0, 0]);
const GET: Step<'_> = (call::GET_COMMAND, &[0, 2, 0]);
const COMPLETE: Step<'_> = (call::COMPLETE_COMMAND, &[0, 0, 0, 2, 0]);
const FAIL: Step<'_> = (call::COMPLETE_COMMAND, &[0, 0, 2, 0, 0]);
const SECONDARY: Step<'_> = (call::OPEN_IN_SECONDARY, &[0, 0, 0]);
const HANDLE: Step<'_> = (call::GET_BUFFER_HANDLE, &[0, 0, 0]);
const MAP: Step<'_> = (call::MAP_BUFFER_HANDLE, &[1, 0, 0]);
const REASON: Step<'_> = (call::ABORT_REASON, &[0, 0, 0, 0]);
const SERVER_REASON: Step<'_> = (call::SERVER_ABORT_REASON, &[0, 0, 0, 0]);
const CLOSE_DEVICE: Step<'_> = (call::CLOSE_DEVICE, &[0]);
const CLOSE: Step<'_> = (call::CLOSE, &[0]);
const SERVER_CLOSE: Step<'_> = (call::SERVER_CLOSE, &[0]);

const CONFIGURED: [Step<'_>; 6] = [CREATE, OPEN, BEGIN, REQUEST, END, CONFIGURATION];
const READY: [Step<'_>; 4] = [SERVER_DEVICE, DEVICE, ALLOCATE, AGENT];

fn bytes(parts: &[&[Step<'_>]]) -> Vec<u8> {
    let steps = parts.iter().flat_map(|part| part.iter());
    steps.fold(Vec::new(), |mut bytes, (number, arguments)| {
        bytes.push(*number);
        bytes.extend(*arguments);
        bytes
    })
}

pub(super) fn calls() -> Vec<Seed> {
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

/// As [`Step`] for what a peer does.
fn by_peer(number: u8, arguments: &[u8]) -> Step<'_> {
    (call::COUNT + number, arguments)
}

pub(super) fn attach() -> Vec<Seed> {
    // A good segment, no changes, a good answer.
    let as_server = |steps: &[Step<'_>]| [vec![0; 13], bytes(&[steps])].concat();
    let as_secondary = |steps: &[Step<'_>]| [vec![1], vec![0; 12], bytes(&[steps])].concat();
    let complete = by_peer(act::SEND_COMPLETION, &[0, 0, 0, 0, 0]);
    let area = by_peer(act::SEND_AREA, &[0, 0, 0, 0]);
    let write = by_peer(act::SEND_COMMAND, &[0; 11]);
    let shrink = by_peer(act::SHRINK, &[]);
    let seed = |name, bytes| seed("attach", name, bytes);
    vec![
        seed(
            "as-server",
            as_server(&[BEGIN, REQUEST, END, SERVER_DEVICE, ALLOCATE, AGENT]),
        ),
        seed(
            "completions",
            as_server(&[
                BEGIN,
                REQUEST,
                END,
                SERVER_DEVICE,
                ALLOCATE,
                AGENT,
                FLUSH,
                WRITE,
                complete,
                complete,
                complete,
                SERVER_REASON,
            ]),
        ),
        seed(
            "phases",
            as_server(&[BEGIN, by_peer(act::MOVE_PHASE, &[5]), END, SERVER_REASON]),
        ),
        seed(
            "words-that-change",
            as_server(&[
                BEGIN,
                REQUEST,
                END,
                SERVER_DEVICE,
                FLUSH,
                by_peer(act::FLIP, &[17, 1, 0]),
                AGENT,
                FLUSH,
                FLUSH,
                SERVER_REASON,
            ]),
        ),
        seed(
            "as-secondary",
            as_secondary(&[
                CONFIGURATION,
                area,
                DEVICE,
                write,
                GET,
                HANDLE,
                (call::MAP_BUFFER_HANDLE, &[0, 0, 0]),
                COMPLETE,
                by_peer(act::NAME_DEVICES, &[2]),
                GET,
            ]),
        ),
        seed(
            "handles",
            as_secondary(&[
                area,
                by_peer(act::GIVE_HANDLE, &[0, 0, 0, 0, 0, 0]),
                (call::MAP_BUFFER_HANDLE, &[0, 1, 1, 0]),
            ]),
        ),
        seed(
            "a-hang-up",
            as_secondary(&[DEVICE, by_peer(act::HANG_UP, &[]), GET, REASON]),
        ),
        seed(
            "more-devices-than-fit",
            [
                vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 7, 7, 7, 0, 0],
                bytes(&[&[(call::OPEN_DEVICE, &[0, 3, 0])]]),
            ]
            .concat(),
        ),
        seed("too-small", vec![1, 0, 0, 0, 0xff, 1]),
        seed(
            "unsealed",
            [
                vec![1, 0, 0, 0xff, 3],
                vec![0; 9],
                bytes(&[&[shrink, DEVICE, GET]]),
            ]
            .concat(),
        ),
        seed(
            "an-unsealed-area",
            as_secondary(&[
                DEVICE,
                by_peer(act::SEND_AREA, &[0, 0xff, 3, 0, 0]),
                write,
                GET,
                shrink,
                write,
                GET,
            ]),
        ),
        seed(
            "refused",
            [
                vec![0; 11],
                vec![0xff, 3, 0, 3, 0, 119, 128, 2, 0, 0, 0, 110, 111],
            ]
            .concat(),
        ),
    ]
}

pub(super) fn rewrite() -> Vec<Seed> {
    let with_server = |steps: &[Step<'_>]| [vec![0; 12], bytes(&[steps])].concat();
    let with_secondary = |steps: &[Step<'_>]| {
        let configured = [&[1][..], CREATE.1, OPEN.1, BEGIN.1, REQUEST.1, END.1].concat();
        [configured, bytes(&[steps])].concat()
    };
    let configure = by_peer(act::CONFIGURE, &[0; 5]);
    let devices = by_peer(act::NAME_DEVICES, &[1]);
    let area = by_peer(act::SEND_AREA, &[0, 0, 0, 0]);
    let write = by_peer(act::SEND_COMMAND, &[0; 11]);
    let complete = by_peer(act::SEND_COMPLETION, &[0, 0, 0, 0, 0]);
    let seed = |name, bytes| seed("rewrite", name, bytes);
    vec![
        seed(
            "a-server",
            with_server(&[
                configure,
                area,
                devices,
                CONFIGURATION,
                DEVICE,
                write,
                GET,
                COMPLETE,
                SECONDARY,
                by_peer(act::NAME_DEVICES, &[2]),
                GET,
                CLOSE,
            ]),
        ),
        seed(
            "packets",
            with_server(&[
                by_peer(act::SEND_PACKET, &[5, 4, 0, 1, 2, 3, 4, 1]),
                by_peer(act::CONNECT_AGAIN, &[1, 0]),
                REASON,
            ]),
        ),
        seed(
            "commands",
            with_server(&[
                configure,
                area,
                devices,
                DEVICE,
                write,
                write,
                by_peer(act::SEND_COMMAND, &[0, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 4]),
                GET,
                GET,
                GET,
                REASON,
            ]),
        ),
        seed(
            "places-beyond-the-end",
            with_server(&[
                configure,
                area,
                devices,
                DEVICE,
                write,
                GET,
                by_peer(
                    act::SEND_COMMAND,
                    &[0, 0, 0, 0, 0, 200, 0, 0, 0, 0x10, 0, 0, 0, 0, 0],
                ),
                GET,
                REASON,
            ]),
        ),
        seed(
            "too-many-bytes",
            with_secondary(&[
                SERVER_DEVICE,
                AGENT,
                FLUSH,
                by_peer(act::SEND_COMPLETION, &[0, 0, 0, 1, 0]),
                SERVER_REASON,
            ]),
        ),
        seed(
            "a-secondary",
            with_secondary(&[
                SERVER_DEVICE,
                DEVICE,
                ALLOCATE,
                AGENT,
                FLUSH,
                complete,
                WRITE,
                GET,
                complete,
                by_peer(act::STORE, &[14, 9]),
                GET,
                SERVER_REASON,
            ]),
        ),
        seed(
            "anything",
            with_secondary(&[
                SERVER_DEVICE,
                DEVICE,
                AGENT,
                FLUSH,
                by_peer(act::STORE_ANYWHERE, &[0, 9, 1, 2, 3]),
                GET,
                by_peer(act::FLIP, &[30, 1, 2]),
                GET,
                FLUSH,
                REASON,
            ]),
        ),
    ]
}
