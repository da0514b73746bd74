//! libvdi through its C interface: the near process is the server, the far one the client.

use super::Pair;
use crate::bulk::Consumer;
use crate::digest::Fold;
use crate::os;
use crate::side::{Job, Side};
use crate::vdi_c::*;
use std::ffi::{CString, c_void};
use std::io;
use std::ptr;
use std::time::Duration;

/// How the bytes of a bulk command get into its buffer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Filling {
    /// Copied in, from the source, for each command.
    Copied,
    /// They lie in the buffers already: the server has produced them there.
    InPlace,
}

/// A device set.
pub struct Libvdi {
    name: String,
    filling: Filling,
}

impl Libvdi {
    pub fn new(_: &Job) -> io::Result<Self> {
        Ok(Self { name: super::unique("bench"), filling: Filling::Copied })
    }

    pub fn in_place(job: &Job) -> io::Result<Self> {
        Ok(Self { filling: Filling::InPlace, ..Self::new(job)? })
    }

    fn name(&self) -> CString {
        device_name(&self.name, 0)
    }
}

/// A value that other threads of this process use one after another.
#[derive(Clone, Copy)]
struct Passed<T>(T);

// SAFETY: handles of the library may be used by any thread; lanes are used by one thread at a time.
unsafe impl<T> Send for Passed<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Passed<T> {}

impl<T: Copy> Passed<T> {
    fn get(&self) -> T {
        self.0
    }
}

// --- The server

/// One device, and what the harness knows about it. Used by the main thread first, by the agent then.
struct Lane<'a> {
    side: &'a Side,
    server: Server,
    device: ServerDevice,
    index: usize,
    filling: Filling,
    /// The buffers with the source in them, for commands in place.
    filled: &'a [Passed<*mut c_void>],
    next: u64,
    ended: u64,
    last: u64,
    sent: Fold,
    answered: Fold,
}

impl Lane<'_> {
    fn is_bulk(&self) -> bool {
        self.side.job.size > 0
    }

    fn wants_more(&self) -> bool {
        let more = self.side.ended(self.index, self.ended);
        more && (!self.is_bulk() || self.side.wants(self.next))
    }

    /// Fills and sends a command.
    fn send(&mut self, command: &mut VdsCommand) {
        let number = self.next;
        self.next += 1;
        self.sent.add(number);
        command.in_position = number as i64;
        if self.is_bulk() {
            command.buffer = self.buffer(number);
        }
        // SAFETY: the command lives until its completion.
        must("vdi_server_send_command", unsafe { (interface().vdi_server_send_command)(self.device, command) });
    }

    /// A buffer with the bytes of the command.
    fn buffer(&self, number: u64) -> *mut u8 {
        if self.filling == Filling::InPlace {
            return self.filled[number as usize % self.filled.len()].get().cast();
        }
        let chunk = self.side.chunk(number);
        let buffer = allocate(self.server, chunk.len()).cast::<u8>();
        // SAFETY: the buffer is this command's own and has this size.
        unsafe { ptr::copy_nonoverlapping(chunk.as_ptr(), buffer, chunk.len()) };
        buffer
    }

    fn take_answer(&mut self, command: &mut VdsCommand) {
        assert_eq!(command.completion_code, 0, "a command has failed");
        self.ended += 1;
        if self.is_bulk() {
            assert_eq!(command.bytes_transferred, command.size, "a command was cut short");
            if self.filling == Filling::Copied {
                // SAFETY: plain values; the command has ended.
                let freed = unsafe { (interface().vdi_server_free_buffer)(self.server, command.buffer.cast(), command.size as u32) };
                must("vdi_server_free_buffer", freed);
            }
        } else {
            self.answered.add(command.out_position as u64);
        }
        if self.side.job.devices > 1 {
            self.note_time();
        }
    }

    /// How long the device had to wait.
    fn note_time(&mut self) {
        let now = os::now();
        let longest = &self.side.board.longest[self.index].0;
        let waited = now - std::mem::replace(&mut self.last, now);
        if self.ended > 1 {
            longest.fetch_max(waited, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn close(&self) {
        // SAFETY: plain values.
        must("vdi_server_close_device", unsafe { (interface().vdi_server_close_device)(self.device) });
    }
}

/// A command that is sent over and over, with its lane.
struct Outstanding<'a> {
    command: VdsCommand,
    lane: *mut Lane<'a>,
}

/// The completion routine: sends the command again as long as the driver wants.
extern "C" fn completed(command: *mut VdsCommand) {
    // SAFETY: the context was set by `Outstanding::new`, and all live until the process ends.
    let outstanding = unsafe { &mut *(*command).completion_context.cast::<Outstanding<'_>>() };
    // SAFETY: only the agent's thread uses the lane now.
    let lane = unsafe { &mut *outstanding.lane };
    lane.take_answer(&mut outstanding.command);
    if lane.wants_more() {
        lane.send(&mut outstanding.command);
    } else if lane.ended == lane.next {
        lane.close();
    }
}

impl<'a> Outstanding<'a> {
    /// Lives until the process ends.
    fn leak(lane: *mut Lane<'a>, size: usize) -> &'a mut Self {
        let command = VdsCommand {
            command_code: if size > 0 { VDC_WRITE } else { VDC_FLUSH },
            size: size as i32,
            in_position: 0,
            out_position: 0,
            buffer: ptr::null_mut(),
            completion_routine: Some(completed),
            completion_context: ptr::null_mut(),
            completion_code: 0,
            bytes_transferred: 0,
        };
        let leaked = Box::leak(Box::new(Self { command, lane }));
        leaked.command.completion_context = (&raw mut *leaked).cast();
        leaked
    }
}

fn allocate(server: Server, size: usize) -> *mut c_void {
    let mut buffer = ptr::null_mut();
    // SAFETY: `buffer` is valid for writes.
    let result = unsafe { (interface().vdi_server_allocate_buffer)(server, size as u32, 0, &raw mut buffer) };
    must("vdi_server_allocate_buffer", result);
    buffer
}

impl Libvdi {
    /// Opens the set when the client has created it, and configures it.
    fn open_server(&self, job: &Job) -> Server {
        let (api, name) = (interface(), self.name());
        let mut server = ptr::null_mut();
        loop {
            // SAFETY: the name is a string, the output is valid for writes.
            let result = unsafe { (api.vdi_server_open)(ptr::null(), name.as_ptr(), &raw mut server) };
            if result == NOERROR {
                break;
            }
            os::sleep(Duration::from_micros(200));
        }
        let parameters = ServerParameters {
            size: size_of::<ServerParameters>() as u32,
            features: VDF_WRITE_MEDIA,
            block_size: 4096,
            max_transfer_size: job.size.max(65536) as u32,
            ..ServerParameters::default()
        };
        // SAFETY: `parameters` is valid for reads.
        must("begin", unsafe { (api.vdi_server_begin_configuration)(server, &raw const parameters) });
        if job.size > 0 {
            // SAFETY: plain values.
            let asked = unsafe { (api.vdi_server_request_buffers)(server, job.size as u32, 0, job.buffers as u32) };
            must("vdi_server_request_buffers", asked);
        }
        // SAFETY: plain values.
        must("end", unsafe { (api.vdi_server_end_configuration)(server) });
        server
    }

    /// All buffers of the set, with the source in them.
    fn fill(&self, server: Server, side: &Side) -> Vec<Passed<*mut c_void>> {
        if self.filling == Filling::Copied || side.job.size == 0 {
            return Vec::new();
        }
        let fill = |number: usize| {
            let (buffer, chunk) = (allocate(server, side.job.size), side.chunk(number as u64));
            // SAFETY: just allocated with this size.
            unsafe { ptr::copy_nonoverlapping(chunk.as_ptr(), buffer.cast(), chunk.len()) };
            Passed(buffer)
        };
        (0..side.job.buffers).map(fill).collect()
    }

    fn open_lanes<'a>(&self, server: Server, side: &'a Side, filled: &'a [Passed<*mut c_void>]) -> Vec<*mut Lane<'a>> {
        let open = |index| {
            let (name, mut device) = (device_name(&self.name, index), ptr::null_mut());
            // SAFETY: the name is a string, the output is valid for writes.
            let result = unsafe { (interface().vdi_server_open_device)(server, name.as_ptr(), &raw mut device) };
            must("vdi_server_open_device", result);
            let lane = Lane {
                side,
                server,
                device,
                index,
                filling: self.filling,
                filled,
                next: 0,
                ended: 0,
                last: 0,
                sent: Fold::default(),
                answered: Fold::default(),
            };
            &raw mut *Box::leak(Box::new(lane))
        };
        (0..side.job.devices).map(open).collect()
    }
}

impl Pair for Libvdi {
    fn near(&self, side: &Side) {
        let server = self.open_server(&side.job);
        let filled = self.fill(server, side);
        let lanes = self.open_lanes(server, side, &filled);
        side.start();
        for &lane in &lanes {
            for _ in 0..side.job.depth {
                let outstanding = Outstanding::leak(lane, side.job.size);
                // SAFETY: the agent does not run yet.
                unsafe { &mut *lane }.send(&mut outstanding.command);
            }
        }
        let server = Passed(server);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // SAFETY: plain values.
                must("agent", unsafe { (interface().vdi_server_execute_completion_agent)(server.get()) });
            });
        });
        let total = |value: fn(&Lane<'_>) -> Fold| {
            // SAFETY: the agent has ended.
            lanes.iter().map(|lane| value(unsafe { &**lane }).value()).fold(0, u64::wrapping_add)
        };
        let result = &side.board.result.0;
        result.sent.store(total(|lane| lane.sent), std::sync::atomic::Ordering::Release);
        result.answered.store(total(|lane| lane.answered), std::sync::atomic::Ordering::Release);
        // SAFETY: plain values.
        must("vdi_server_close", unsafe { (interface().vdi_server_close)(server.get()) });
    }

    fn far(&self, side: &Side) {
        let set = self.create_set(&side.job);
        let devices: Vec<_> = (0..side.job.devices).map(|index| Passed(self.open_device(set, index))).collect();
        side.start();
        let arrived = match devices.as_slice() {
            [device] => serve(device.get(), side),
            _ => std::thread::scope(|scope| {
                let serving: Vec<_> = devices.iter().map(|device| scope.spawn(|| serve(device.get(), side))).collect();
                serving.into_iter().map(|thread| thread.join().expect("a device")).fold(0, u64::wrapping_add)
            }),
        };
        if side.job.size == 0 {
            side.board.result.0.arrived.store(arrived, std::sync::atomic::Ordering::Release);
        }
        // SAFETY: plain values.
        must("vdi_close", unsafe { (interface().vdi_close)(set) });
    }
}

// --- The client

impl Libvdi {
    fn create_set(&self, job: &Job) -> Set {
        let (api, name, mut set) = (interface(), self.name(), ptr::null_mut());
        let config = VDConfig { device_count: job.devices as u32, ..VDConfig::default() };
        let options = CreateOptions { size: size_of::<CreateOptions>() as u32, name_wait: 10_000, ..CreateOptions::default() };
        // SAFETY: all are valid for reads, the output for writes.
        must("vdi_create", unsafe { (api.vdi_create)(ptr::null(), name.as_ptr(), &raw const config, &raw const options, &raw mut set) });
        let mut decided = VDConfig::default();
        // SAFETY: the output is valid for writes.
        must("vdi_get_configuration", unsafe { (api.vdi_get_configuration)(set, INFINITE, &raw mut decided) });
        set
    }

    fn open_device(&self, set: Set, index: usize) -> Device {
        let (name, mut device) = (device_name(&self.name, index), ptr::null_mut());
        // SAFETY: the name is a string, the output is valid for writes.
        must("vdi_open_device", unsafe { (interface().vdi_open_device)(set, name.as_ptr(), &raw mut device) });
        device
    }
}

/// The life of a device: fetches, obeys and completes until the server closes it.
fn serve(device: Device, side: &Side) -> u64 {
    let api = interface();
    let mut arrived = Fold::default();
    let mut consumer = (side.job.size > 0).then(|| Consumer::new(side));
    loop {
        let mut command = ptr::null_mut();
        // SAFETY: the output is valid for writes.
        let result = unsafe { (api.vdi_get_command)(device, INFINITE, &raw mut command) };
        if result == VD_E_CLOSE {
            break;
        }
        must("vdi_get_command", result);
        // SAFETY: the library's until it is completed.
        let (code, size, mut position) = unsafe { ((*command).command_code, (*command).size as usize, (*command).position) };
        match &mut consumer {
            Some(consumer) if code == VDC_WRITE => {
                // SAFETY: the buffer of a Write has its size, and the server does not touch it now.
                let bytes = unsafe { std::slice::from_raw_parts((*command).buffer, size) };
                position = consumer.consume(bytes) as i64;
            }
            _ => arrived.add(position as u64),
        }
        side.work();
        // SAFETY: fetched above.
        must("vdi_complete_command", unsafe { (api.vdi_complete_command)(device, command, 0, size as u32, position) });
    }
    if let Some(consumer) = consumer {
        consumer.finish();
    }
    arrived.value()
}
