//! What a program and a peer do.

use super::life::*;
use super::{Seed, seed};
use crate::peer::act;
use crate::program::call;

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
