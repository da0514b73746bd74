//! Sequences of calls: mostly those that bring the set forward, and some of every other kind.

mod values;

use crate::calls::{CLIENTS, Call, DEVICES, NAMES, Sent, ServerCall, Then, Which};
use crate::world::{Phase, Set, World};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;
use values::*;
use vdi::codes::*;

pub(crate) struct Calls;

impl ReferenceStateMachine for Calls {
    type State = World;
    type Transition = Call;

    fn init_state() -> BoxedStrategy<World> {
        Just(World::default()).boxed()
    }

    fn transitions(world: &World) -> BoxedStrategy<Call> {
        let mut choices = vec![(10, any_call())];
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
            // One buffer in two commands is two owners of the same memory. (BUF-02)
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
    let over = matches!(set.phase, Phase::Aborted | Phase::Terminated);
    let leaves = if over { 6 } else { 1 };
    choices.push((leaves, Just(Call::Close { client }).boxed()));
    for device in 0..set.devices.len() {
        useful_commands(world, client, device, choices);
    }
    if !world.handles.is_empty() {
        let map = (0..world.handles.len())
            .prop_map(move |handle| Call::MapBufferHandle { client, handle });
        choices.push((4, map.boxed()));
    }
}

fn useful_commands(world: &World, client: usize, device: usize, choices: &mut Choices) {
    let Some(set) = world.open_device_of(client, device) else {
        return;
    };
    let state = &world.sets[set].devices[device];
    let eager = if state.queue.is_empty() && !state.closed {
        1
    } else {
        16
    };
    choices.push((eager, Just(Call::GetCommand { client, device }).boxed()));
    if state.active.is_empty() {
        return;
    }
    let complete = (which_active(), end()).prop_map(move |(which, end)| Call::CompleteCommand {
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
    choices.push((6, handle.boxed()));
    let race = end().prop_map(move |end| Call::CompleteAndAbort {
        client,
        device,
        end,
    });
    choices.push((1, race.boxed()));
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
        Phase::Connected => {
            push(8, Just(ServerCall::GetConfiguration).boxed());
            push(30, good_parameters().boxed());
            push(8, any_parameters().boxed());
        }
        Phase::Configurable => {
            push(12, good_request());
            push(4, query().boxed());
            push(8, Just(ServerCall::EndConfiguration).boxed());
        }
        Phase::Configured => useful_statement(world, set, &mut push),
        Phase::Terminated | Phase::Aborted => {
            push(4, Just(ServerCall::Close).boxed());
            push(4, Just(ServerCall::ExecuteCompletionAgent).boxed());
        }
        Phase::Created => {}
    }
}

/// The calls of a configured set.
fn useful_statement(
    world: &World,
    set: &Set,
    push: &mut impl FnMut(u32, BoxedStrategy<ServerCall>),
) {
    if !world.server.agent_runs {
        push(6, Just(ServerCall::ExecuteCompletionAgent).boxed());
        push(1, Just(ServerCall::Close).boxed());
    }
    if set.opened < set.devices.len() {
        let name = set.opened;
        push(14, Just(ServerCall::OpenDevice { name }).boxed());
        let any = (0..NAMES).prop_map(|name| ServerCall::OpenDevice { name });
        push(3, any.boxed());
    }
    useful_buffers(world, push);
    for device in 0..set.opened {
        let state = &set.devices[device];
        let closes = if state.closed { 1 } else { 3 };
        push(closes, Just(ServerCall::CloseDevice { device }).boxed());
        if !state.closed {
            push(16, send(device, state.server_failed, idle_buffers(world)));
        }
    }
}

/// Buffers that the server has and that no command holds.
fn idle_buffers(world: &World) -> Vec<usize> {
    let is_idle = |nth: &usize| {
        let buffer = world.buffer(*nth);
        buffer.is_some_and(|buffer| world.buffers[buffer].allocated && !world.in_use(buffer))
    };
    (0..world.buffers.len()).filter(is_idle).collect()
}

fn useful_buffers(world: &World, push: &mut impl FnMut(u32, BoxedStrategy<ServerCall>)) {
    push(2, good_request());
    push(3, query().boxed());
    let idle = idle_buffers(world);
    if !idle.is_empty() {
        let free = select(idle).prop_map(|nth| ServerCall::FreeBuffer { nth, off: 0 });
        push(4, free.boxed());
    }
    let kinds = world
        .server
        .set
        .map_or(&[][..], |set| &world.sets[set].free);
    let kinds: Vec<_> = kinds
        .iter()
        .filter(|kind| kind.count > 0)
        .copied()
        .collect();
    if !kinds.is_empty() {
        let allocate =
            (select(kinds), 0..3_u32).prop_map(|(kind, less)| ServerCall::AllocateBuffer {
                size: (kind.size - less.min(kind.size - 1)),
                alignment: kind.alignment,
            });
        push(14, allocate.boxed());
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
        8 => (0..DEVICES).prop_flat_map(|device| send(device, false, vec![0, 1, 2, 3])),
        4 => (0..DEVICES).prop_map(|device| ServerCall::CloseDevice { device }),
        4 => Just(ServerCall::AbortReason),
        1 => Just(ServerCall::SignalAbort),
        1 => Just(ServerCall::Close),
    ]
}

/// Codes of commands: in the IO-ERROR state mostly the one that ends it.
fn codes(failed: bool) -> Vec<i32> {
    if failed {
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
    }
}

fn send(device: usize, failed: bool, buffers: Vec<usize>) -> BoxedStrategy<ServerCall> {
    let sizes = vec![512, 512, 512, 512, 4096, 0, 1, 8193, -1];
    let buffer = match buffers.is_empty() {
        true => Just(None).boxed(),
        false => prop_oneof![4 => select(buffers).prop_map(Some), 1 => Just(None)].boxed(),
    };
    let then = prop_oneof![
        20 => Just(Then::Return),
        3 => Just(Then::SendAgain),
        1 => Just(Then::CloseDevice),
        1 => Just(Then::SignalAbort),
    ];
    let times = prop_oneof![12 => Just(1), 1 => 2..5_usize, 1 => 60..67_usize];
    (select(codes(failed)), select(sizes), buffer, then, times)
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
