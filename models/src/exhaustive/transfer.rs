//! Commands and completions between a server and a client.

use super::support::{Ending, configured, control, explore, requested, send, with_capacity};
use crate::client::scene::{Client, look_up_handle, publish_handle, retire_handle};
use crate::client::{self, Device};
use crate::error::ErrorKind;
use crate::protocol::codes::{ERROR_DISK_FULL, VDC_ClearError, VDC_Flush, VDC_Write};
use crate::protocol::command::Completion;
use crate::server::{Callback, Request};
use crate::sync::{Ordering, thread};
use std::sync::Arc;
use std::sync::atomic::AtomicU32 as Counter;

/// Works like a client: takes commands and completes them until the end, which it returns.
fn work(device: &Device) -> (u32, ErrorKind) {
    let mut commands = 0;
    loop {
        match device.get_command(None) {
            Ok(command) => {
                if let Some(buffer) = command.buffer() {
                    assert_eq!(buffer.get(), 7);
                    buffer.put(8);
                }
                let completion = Completion {
                    bytes: command.size(),
                    ..Completion::default()
                };
                commands += 1;
                if let Err(error) = device.complete(&command, completion) {
                    return (commands, error.kind());
                }
            }
            Err(error) => return (commands, error.kind()),
        }
    }
}

/// What one side writes into a buffer before it hands it over, the other one sees.
/// [CDEV-COMPLETE-12]
pub fn the_bytes_of_a_buffer_go_with_its_command_and_its_completion() {
    explore(2, || {
        let (control, server, client) = configured(1);
        client.add_area(server.buffers(1));
        let theirs = client.take_device(0).unwrap();
        let device = server.device(&control);
        let worker = thread::spawn(move || work(&theirs));
        let agent = thread::spawn({
            let server = Arc::clone(&server);
            move || server.set.execute_completion_agent()
        });
        let buffer = server.allocate();
        buffer.put(7);
        let ending = Arc::new(Ending::default());
        let callback = Callback::new({
            let (buffer, ending) = (buffer.clone(), Arc::clone(&ending));
            move |completion| {
                assert_eq!(buffer.get(), 8);
                ending.note(completion);
            }
        });
        let request = Request::transfer(VDC_Write, &buffer, 4096);
        device.send(request, callback).unwrap();
        device.close().unwrap();
        agent.join().unwrap().unwrap();
        assert!(ending.succeeded());
        assert_eq!(worker.join().unwrap(), (1, ErrorKind::Close));
        server.set.free_buffer(buffer.address(), 4096).unwrap();
        server.set.close().unwrap();
    });
}

/// The agent sleeps on one bell for all devices. [SSET-AGENT-01]
pub fn completions_of_two_devices_are_not_lost() {
    explore(2, || {
        let (control, server, client) = configured(2);
        let endings = [0, 1].map(|index| {
            let ending = Arc::new(Ending::default());
            let device = server.device(&control);
            send(&device, &ending).unwrap();
            device.close().unwrap();
            let theirs = client.take_device(index).unwrap();
            let command = theirs.get_command(None).unwrap();
            (ending, theirs, command)
        });
        let [one, two] = endings.map(|(ending, device, command)| {
            let worker = thread::spawn(move || {
                let completion = Completion::default();
                device.complete(&command, completion).unwrap();
            });
            (ending, worker)
        });
        server.set.execute_completion_agent().unwrap();
        for (ending, worker) in [one, two] {
            assert!(ending.succeeded());
            worker.join().unwrap();
        }
    });
}

/// The agent looks at a device, too, that the server opens when it is asleep. [SSET-AGENT-01]
pub fn a_device_is_opened_while_the_agent_sleeps() {
    explore(2, || {
        let (control, server, client) = configured(1);
        let agent = thread::spawn({
            let server = Arc::clone(&server);
            move || server.set.execute_completion_agent()
        });
        let device = Arc::new(server.device(&control));
        let theirs = client.take_device(0).unwrap();
        let ending = Arc::new(Ending::default());
        let callback = Callback::new({
            let (device, ending) = (Arc::clone(&device), Arc::clone(&ending));
            move |completion| {
                ending.note(completion);
                device.close().unwrap();
            }
        });
        device.send(Request::new(VDC_Flush), callback).unwrap();
        let command = theirs.get_command(None).unwrap();
        theirs.complete(&command, Completion::default()).unwrap();
        agent.join().unwrap().unwrap();
        assert!(ending.succeeded());
    });
}

/// Commands that were sent before the close come before the end. [AMB-17]
pub fn a_close_of_a_device_comes_after_its_commands() {
    explore(3, || {
        let (control, server, client) = configured(1);
        let theirs = client.take_device(0).unwrap();
        let device = server.device(&control);
        let worker = thread::spawn(move || work(&theirs));
        let ending = Arc::new(Ending::default());
        send(&device, &ending).unwrap();
        device.close().unwrap();
        assert_eq!(worker.join().unwrap(), (1, ErrorKind::Close));
        server.set.execute_completion_agent().unwrap();
        assert!(ending.succeeded());
    });
}

/// More commands than there are slots, some of which a full queue refuses.
pub fn slots_are_used_again() {
    static MOST: Counter = Counter::new(0);
    explore(2, || {
        let (control, server, client) = configured(1);
        let theirs = client.take_device(0).unwrap();
        let device = Arc::new(server.device(&control));
        let worker = thread::spawn(move || work(&theirs));
        let endings: [Arc<Ending>; 3] = Default::default();
        // The third command is sent when a completion has made room for it.
        let callback = Callback::new({
            let (device, endings) = (Arc::clone(&device), endings.clone());
            move |completion| {
                endings[0].note(completion);
                send(&device, &endings[2]).unwrap();
                device.close().unwrap();
            }
        });
        device.send(Request::new(VDC_Flush), callback).unwrap();
        send(&device, &endings[1]).unwrap();
        server.set.execute_completion_agent().unwrap();
        let (commands, end) = worker.join().unwrap();
        assert_eq!(end, ErrorKind::Close);
        assert!(endings.iter().all(|ending| ending.succeeded()));
        MOST.fetch_max(commands, Ordering::Relaxed);
    });
    assert_eq!(MOST.load(Ordering::Relaxed), 3);
}

/// A ClearError waits until the commands are completed that were in progress; the thread that
/// completes the last one wakes the one that waits in GetCommand. [ERR-05]
pub fn the_last_completion_lets_a_clear_error_through() {
    explore(3, || {
        let (control, server, client) = with_capacity(1, 4);
        let theirs = Arc::new(client.take_device(0).unwrap());
        let device = server.device(&control);
        let endings: [Arc<Ending>; 3] = Default::default();
        send(&device, &endings[0]).unwrap();
        send(&device, &endings[1]).unwrap();
        let [failing, last] = [(); 2].map(|()| theirs.get_command(None).unwrap());
        let failure = Completion::automatic(ERROR_DISK_FULL);
        theirs.complete(&failing, failure).unwrap();
        let clear = Request::new(VDC_ClearError);
        device.send(clear, endings[2].callback()).unwrap();
        let completer = thread::spawn({
            let theirs = Arc::clone(&theirs);
            move || theirs.complete(&last, Completion::default())
        });
        let next = theirs.get_command(None).unwrap();
        assert_eq!(next.code(), VDC_ClearError);
        completer.join().unwrap().unwrap();
    });
}

/// [CSET-OPENDEV-10]
pub fn of_two_clients_one_opens_a_device() {
    explore(3, || {
        let (control, _server, primary) = configured(2);
        let other = thread::spawn(move || {
            let secondary = Client::new(&control, requested(2), 2);
            secondary.take_device(0).is_ok()
        });
        let first = primary.take_device(0).is_ok();
        assert!(first != other.join().unwrap());
    });
}

/// Two threads take commands of one device: one is refused at a time, and no command comes twice.
/// [AMB-31]
pub fn two_threads_do_not_take_the_same_command() {
    explore(2, || {
        let (control, server, client) = configured(1);
        let theirs = Arc::new(client.take_device(0).unwrap());
        let device = server.device(&control);
        let endings: [Arc<Ending>; 2] = Default::default();
        for ending in &endings {
            send(&device, ending).unwrap();
        }
        let take = |device: &client::Device| match device.get_command(None) {
            Ok(command) => Some(command.slot()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Busy);
                None
            }
        };
        let other = thread::spawn({
            let theirs = Arc::clone(&theirs);
            move || take(&theirs)
        });
        let taken = [take(&theirs), other.join().unwrap()];
        assert!(taken[0].is_some() || taken[1].is_some());
        assert!(taken[0] != taken[1]);
    });
}

/// The meaning of a handle is seen whole, and not once the command is completed. [CSET-BUFH-07]
pub fn a_handle_means_its_buffer_or_nothing() {
    explore(3, || {
        let control = control(1);
        let first = publish_handle(&control, 0, 4096, 1);
        let owner = thread::spawn({
            let control = control.again();
            move || {
                retire_handle(&control);
                publish_handle(&control, 1, 8192, 2)
            }
        });
        let meaning = look_up_handle(&control, first);
        assert!(meaning.is_none_or(|meaning| meaning == (4096, 1)));
        let second = owner.join().unwrap();
        assert_eq!(look_up_handle(&control, first), None);
        assert_eq!(look_up_handle(&control, second), Some((8192, 2)));
    });
}

/// The area of a command may arrive after the command. [BUF-10]
pub fn a_command_waits_for_its_area() {
    explore(2, || {
        let (control, server, client) = configured(1);
        let area = server.buffers(1);
        let theirs = client.take_device(0).unwrap();
        let device = server.device(&control);
        let link = thread::spawn({
            let client = Arc::clone(&client);
            move || client.add_area(area)
        });
        let worker = thread::spawn(move || theirs.get_command(None).is_ok());
        let request = Request::transfer(VDC_Write, &server.allocate(), 4096);
        let ending = Arc::new(Ending::default());
        device.send(request, ending.callback()).unwrap();
        assert!(worker.join().unwrap());
        link.join().unwrap();
    });
}
