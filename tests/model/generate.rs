//! Sequences of calls: mostly those that bring the set forward, and some of every other kind.

use crate::binding::VdConfig;
use crate::calls::{CLIENTS, Call, DEVICES, End, NAMES, Sent, ServerCall, Then, Which};
use crate::world::{Phase, World};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;
use vdi::codes::*;

pub(crate) struct Calls;

impl ReferenceStateMachine for Calls {
    type State = World;
    type Transition = Call;

    fn init_state() -> BoxedStrategy<World> {
        Just(World::default()).boxed()
    }

    fn transitions(world: &World) -> BoxedStrategy<Call> {
        let mut choices = vec![(4, any_call())];
        useful(world, &mut choices);
        proptest::strategy::Union::new_weighted(choices).boxed()
    }

    fn apply(mut world: World, call: &Call) -> World {
        world.apply(call);
        world
    }

    /// Leaves out what would need a second handle in one place, and what a program must not do.
    fn preconditions(world: &World, call: &Call) -> bool {
        let mut after = world.clone();
        after.apply(call);
        let succeeds = after.outcome.results.first() == Some(&NOERROR);
        match *call {
            Call::OpenInSecondary { client } => !(succeeds && world.clients[client].open),
            Call::Server(ServerCall::Open) => !(succeeds && world.server.open),
            // One buffer in two commands is two owners of the same memory. [BUF-02]
            Call::Server(ServerCall::SendCommand { what, times, .. }) => {
                let buffer = what.buffer.and_then(|nth| world.buffer(nth));
                buffer.is_none_or(|buffer| times == 1 && !world.in_use(buffer))
            }
            // There is nobody any more to take the memory.
            Call::Server(ServerCall::RequestBuffers { .. }) => {
                let set = world.server.set.map(|set| &world.sets[set]);
                set.is_none_or(|set| set.has_name || set.phase != Phase::Configured)
            }
            // What a routine does in the race is left to the other calls.
            Call::CompleteAndAbort { client, device, .. } => {
                let set = world.open_device_of(client, device);
                let command = set.and_then(|set| world.pick(set, device, Which::Active(0)));
                command.is_some_and(|command| world.commands[command].sent.then == Then::Return)
            }
            _ => true,
        }
    }
}

type Choices = Vec<(u32, BoxedStrategy<Call>)>;

/// The calls that bring the set forward now.
fn useful(world: &World, choices: &mut Choices) {
    if !world.clients[0].open {
        choices.push((30, good_inputs().prop_map(Call::Create).boxed()));
    }
    for client in 0..CLIENTS {
        useful_client(world, client, choices);
    }
    useful_server(world, choices);
}

fn useful_client(world: &World, client: usize, choices: &mut Choices) {
    let Some(set) = world.set_of(client).map(|set| &world.sets[set]) else {
        if client > 0
            && world
                .named()
                .is_some_and(|set| world.sets[set].phase == Phase::Configured)
        {
            choices.push((4, Just(Call::OpenInSecondary { client }).boxed()));
        }
        return;
    };
    if set.phase == Phase::Configured {
        let names = set.devices.iter().filter(|device| device.owner.is_none());
        let names: Vec<_> = names.filter_map(|device| device.name).collect();
        if !names.is_empty() {
            let open = select(names).prop_map(move |name| Call::OpenDevice { client, name });
            choices.push((12, open.boxed()));
        }
    }
    if matches!(set.phase, Phase::Aborted | Phase::Terminated) {
        choices.push((4, Just(Call::Close { client }).boxed()));
    }
    for device in 0..set.devices.len() {
        if world.open_device_of(client, device).is_none() {
            continue;
        }
        let state = &set.devices[device];
        let eager = if state.queue.is_empty() && !state.closed {
            1
        } else {
            16
        };
        choices.push((eager, Just(Call::GetCommand { client, device }).boxed()));
        if !state.active.is_empty() {
            let complete =
                (which_active(), end()).prop_map(move |(which, end)| Call::CompleteCommand {
                    client,
                    device,
                    which,
                    end,
                });
            choices.push((14, complete.boxed()));
            let handle = which_active().prop_map(move |which| Call::GetBufferHandle {
                client,
                device,
                which,
            });
            choices.push((2, handle.boxed()));
            let race = end().prop_map(move |end| Call::CompleteAndAbort {
                client,
                device,
                end,
            });
            choices.push((1, race.boxed()));
        }
    }
    if !world.handles.is_empty() {
        let map = (0..world.handles.len())
            .prop_map(move |handle| Call::MapBufferHandle { client, handle });
        choices.push((2, map.boxed()));
    }
}

fn useful_server(world: &World, choices: &mut Choices) {
    let mut push = |weight, call: BoxedStrategy<ServerCall>| {
        choices.push((weight, call.prop_map(Call::Server).boxed()));
    };
    let Some(set) = world.server.set.filter(|_| world.server.open) else {
        if world
            .named()
            .is_some_and(|set| world.sets[set].phase == Phase::Created)
        {
            push(20, Just(ServerCall::Open).boxed());
        }
        return;
    };
    let set = &world.sets[set];
    match set.phase {
        Phase::Connected => push(30, good_parameters().boxed()),
        Phase::Configurable => {
            push(10, request(1..4).boxed());
            push(10, Just(ServerCall::EndConfiguration).boxed());
        }
        Phase::Configured => {
            if !world.server.agent_runs {
                push(8, Just(ServerCall::ExecuteCompletionAgent).boxed());
            }
            if set.opened < set.devices.len() {
                let name = set.opened;
                push(16, Just(ServerCall::OpenDevice { name }).boxed());
            }
            push(
                6,
                (sizes(), alignments())
                    .prop_map(|(size, alignment)| ServerCall::AllocateBuffer { size, alignment })
                    .boxed(),
            );
            for device in 0..set.opened {
                let closes = if set.devices[device].closed { 0 } else { 2 };
                push(1 + closes, Just(ServerCall::CloseDevice { device }).boxed());
                if closes > 0 {
                    push(16, send(device, set.devices[device].server_failed));
                }
            }
        }
        Phase::Terminated | Phase::Aborted => {
            push(3, Just(ServerCall::Close).boxed());
            push(3, Just(ServerCall::ExecuteCompletionAgent).boxed());
        }
        Phase::Created => {}
    }
}

/// Every call with any participant, in any state.
fn any_call() -> BoxedStrategy<Call> {
    prop_oneof![
        4 => any_inputs().prop_map(Call::Create),
        4 => (1..CLIENTS).prop_map(|client| Call::OpenInSecondary { client }),
        8 => (0..CLIENTS).prop_map(|client| Call::GetConfiguration { client }),
        12 => (0..CLIENTS, 0..NAMES).prop_map(|(client, name)| Call::OpenDevice { client, name }),
        8 => (0..CLIENTS, 0..DEVICES)
            .prop_map(|(client, device)| Call::GetCommand { client, device }),
        12 => (0..CLIENTS, 0..DEVICES, which(), end()).prop_map(|(client, device, which, end)| {
            Call::CompleteCommand { client, device, which, end }
        }),
        4 => (0..CLIENTS, 0..DEVICES, which())
            .prop_map(|(client, device, which)| Call::GetBufferHandle { client, device, which }),
        4 => (0..CLIENTS, 0..20_usize)
            .prop_map(|(client, handle)| Call::MapBufferHandle { client, handle }),
        4 => (0..CLIENTS).prop_map(|client| Call::AbortReason { client }),
        1 => (0..CLIENTS).prop_map(|client| Call::SignalAbort { client }),
        1 => (0..CLIENTS).prop_map(|client| Call::Close { client }),
        48 => any_server_call().prop_map(Call::Server),
    ]
    .boxed()
}

fn any_server_call() -> impl Strategy<Value = ServerCall> {
    prop_oneof![
        8 => Just(ServerCall::Open),
        8 => Just(ServerCall::GetConfiguration),
        8 => any_parameters(),
        8 => request(0..3),
        12 => (sizes(), alignments())
            .prop_map(|(size, alignment)| ServerCall::QueryAvailableBuffers { size, alignment }),
        1 => Just(ServerCall::EndConfiguration),
        8 => Just(ServerCall::ExecuteCompletionAgent),
        8 => (0..NAMES).prop_map(|name| ServerCall::OpenDevice { name }),
        8 => (sizes(), alignments())
            .prop_map(|(size, alignment)| ServerCall::AllocateBuffer { size, alignment }),
        12 => (0..4_usize, select(vec![0, 0, 0, 1, -1]))
            .prop_map(|(nth, off)| ServerCall::FreeBuffer { nth, off }),
        8 => (0..4_usize, select(vec![0, 1, 511, 512, -1, 8192]))
            .prop_map(|(nth, off)| ServerCall::IsSharedBuffer { nth, off }),
        8 => (0..DEVICES).prop_flat_map(|device| send(device, false)),
        4 => (0..DEVICES).prop_map(|device| ServerCall::CloseDevice { device }),
        4 => Just(ServerCall::AbortReason),
        1 => Just(ServerCall::SignalAbort),
        1 => Just(ServerCall::Close),
    ]
}

fn send(device: usize, failed: bool) -> BoxedStrategy<ServerCall> {
    let codes = if failed {
        vec![VDC_ClearError, VDC_ClearError, VDC_Write]
    } else {
        vec![
            VDC_Write,
            VDC_Write,
            VDC_Write,
            VDC_Read,
            VDC_Flush,
            VDC_SetPosition,
            VDC_ClearError,
            VDC_Complete,
            0,
            -7,
        ]
    };
    let sizes = vec![512, 512, 4096, 0, 1, 8193, -1];
    let buffer = prop_oneof![4 => (0..4_usize).prop_map(Some), 1 => Just(None)];
    let then = prop_oneof![
        16 => Just(Then::Return),
        3 => Just(Then::SendAgain),
        1 => Just(Then::CloseDevice),
        1 => Just(Then::SignalAbort),
    ];
    let times = prop_oneof![12 => Just(1), 1 => 2..5_usize, 1 => 60..67_usize];
    (select(codes), select(sizes), buffer, then, times)
        .prop_map(move |(code, size, buffer, then, times)| {
            let buffer = buffer.filter(|_| times == 1);
            let code = if times > 1 { VDC_Flush } else { code };
            let what = Sent {
                code,
                size,
                buffer,
                then,
            };
            ServerCall::SendCommand {
                device,
                what,
                times,
            }
        })
        .boxed()
}

fn end() -> impl Strategy<Value = End> {
    let codes = vec![
        ERROR_SUCCESS,
        ERROR_SUCCESS,
        ERROR_SUCCESS,
        ERROR_SUCCESS,
        ERROR_HANDLE_EOF,
        ERROR_NOT_SUPPORTED,
        -1,
    ];
    let bytes = vec![512, 512, 0, 1, 4096, 4097, u32::MAX];
    let positions = vec![0, 1, -1, i64::MIN];
    (select(codes), select(bytes), select(positions)).prop_map(|(code, bytes, position)| End {
        code,
        bytes,
        position,
    })
}

fn which_active() -> impl Strategy<Value = Which> {
    (0..4_usize).prop_map(Which::Active)
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![which_active(), Just(Which::Completed), Just(Which::Null)]
}

fn sizes() -> impl Strategy<Value = u32> {
    select(vec![512, 512, 4096, 8192, 1, 0, u32::MAX])
}

fn alignments() -> impl Strategy<Value = u32> {
    select(vec![0, 0, 0, 512, 8192, 65536, 3, 131072])
}

fn request(count: std::ops::Range<u32>) -> impl Strategy<Value = ServerCall> {
    (sizes(), alignments(), count).prop_map(|(size, alignment, count)| ServerCall::RequestBuffers {
        size,
        alignment,
        count,
    })
}

fn good_parameters() -> impl Strategy<Value = ServerCall> {
    let features = VDF_WriteMedia | VDF_CompleteEnabled;
    (
        select(vec![features, VDF_ReadMedia]),
        select(vec![512, 4096]),
        select(vec![0, 4096, 8192]),
    )
        .prop_map(
            |(features, block, alignment)| ServerCall::BeginConfiguration {
                features,
                block,
                alignment,
                transfer: 65536,
            },
        )
}

fn any_parameters() -> impl Strategy<Value = ServerCall> {
    (
        select(vec![
            VDF_WriteMedia,
            VDF_ReadMedia | VDF_Removable,
            VDF_CompleteEnabled,
            u32::MAX,
        ]),
        select(vec![512, 65536, 256, 513, 131072]),
        select(vec![0, 512, 65536, 768, 131072]),
        select(vec![65536, 4 << 20, 0, 65537, 5 << 20]),
    )
        .prop_map(
            |(features, block, alignment, transfer)| ServerCall::BeginConfiguration {
                features,
                block,
                alignment,
                transfer,
            },
        )
}

fn good_inputs() -> impl Strategy<Value = VdConfig> {
    (
        1..=DEVICES as u32,
        select(vec![0, 512, 4096]),
        select(vec![0, 1024, 65536]),
    )
        .prop_map(|(device_count, prefix_zone_size, alignment)| VdConfig {
            device_count,
            features: VDF_RequestComplete | VDF_Discard,
            prefix_zone_size,
            alignment,
            soft_file_mark_block_size: 7,
            eom_warning_size: 8,
            server_timeout: 0,
            block_size: 9,
            max_io_depth: 10,
            max_transfer_size: 11,
            buffer_area_size: 12,
        })
}

fn any_inputs() -> impl Strategy<Value = VdConfig> {
    let features = vec![
        VDF_LikePipe,
        VDF_LikeTape,
        VDF_LikeDisk,
        VDF_LikeDisk | VDF_Removable | VDF_Discard,
        VDF_LatchStats | VDF_ReadMedia | VDF_WriteMedia,
        VDF_Rewind,
        VDF_LikeTape | VDF_LikeDisk,
        VDF_LikeTape & !VDF_Removable,
    ];
    (
        select(vec![1, 2, 3, 0, 65]),
        select(features),
        select(vec![0, 1, 1 << 20, (1 << 20) + 1]),
        select(vec![0, 1, 65536, 3, 131072]),
    )
        .prop_map(
            |(device_count, features, prefix_zone_size, alignment)| VdConfig {
                device_count,
                features,
                prefix_zone_size,
                alignment,
                ..VdConfig::default()
            },
        )
}
