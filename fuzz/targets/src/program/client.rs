//! The calls of the client's sets and devices.

use super::*;

/// Most sets of a case.
const MOST_SETS: usize = 4;

impl Program {
    pub(super) fn client_call(&mut self, number: u8, bytes: &mut Bytes<'_>) {
        match number {
            call::CREATE => self.create(bytes),
            call::OPEN_IN_SECONDARY => self.open_in_secondary(bytes),
            call::GET_CONFIGURATION => self.get_configuration(bytes),
            call::OPEN_DEVICE => self.open_device(bytes),
            call::GET_COMMAND => self.get_command(bytes),
            call::COMPLETE_COMMAND => self.complete(bytes),
            call::GET_BUFFER_HANDLE => self.get_buffer_handle(bytes),
            call::MAP_BUFFER_HANDLE => self.map_buffer_handle(bytes),
            call::SIGNAL_ABORT => {
                let (set, reason) = (self.set(bytes), Text::instance(bytes));
                // SAFETY: a string, or null.
                self.check(unsafe { vdi_signal_abort(set, reason.pointer()) });
            }
            call::ABORT_REASON => self.abort_reason(bytes),
            call::LOST_SECONDARIES => {
                let (set, mut count) = (self.set(bytes), 0);
                let out = place(&mut count, bytes);
                // SAFETY: null, misaligned, or the place of the result.
                self.check(unsafe { vdi_lost_secondaries(set, out) });
            }
            _ => {
                let set = self.set(bytes);
                self.check(vdi_close(set));
            }
        }
    }

    pub(super) fn set(&self, bytes: &mut Bytes<'_>) -> Handle {
        let others = [&self.devices, &self.servers, &self.server_devices];
        handle(&self.sets, others.map(Vec::as_slice), bytes)
    }

    fn device(&self, bytes: &mut Bytes<'_>) -> Handle {
        let others = [&self.sets, &self.servers, &self.server_devices];
        handle(&self.devices, others.map(Vec::as_slice), bytes)
    }

    fn create(&mut self, bytes: &mut Bytes<'_>) {
        if self.sets.len() == MOST_SETS {
            return;
        }
        let (instance, name) = (Text::instance(bytes), Text::name(bytes));
        let config = config(bytes);
        let config = source(&config, bytes);
        let options = options(bytes);
        let pointer = source(&options, bytes);
        let mut set = 32 as Handle;
        let out = place(&mut set, bytes);
        // SAFETY: strings or null; the others are null, misaligned or valid.
        let result =
            unsafe { vdi_create(instance.pointer(), name.pointer(), config, pointer, out) };
        let set = self.opened(out, &set, result);
        // Without options an OpenDevice may wait for half a minute.
        match set {
            Some(set) if pointer.is_null() => assert_eq!(vdi_close(set), NOERROR),
            set => self.sets.extend(set),
        }
    }

    fn open_in_secondary(&mut self, bytes: &mut Bytes<'_>) {
        if self.sets.len() == MOST_SETS {
            return;
        }
        let (instance, name) = (Text::instance(bytes), Text::name(bytes));
        let mut set = 32 as Handle;
        let out = place(&mut set, bytes);
        // SAFETY: as in `create`.
        let result = unsafe { vdi_open_in_secondary(instance.pointer(), name.pointer(), out) };
        let set = self.opened(out, &set, result);
        self.sets.extend(set);
    }

    fn get_configuration(&mut self, bytes: &mut Bytes<'_>) {
        let (set, wait) = (self.set(bytes), bytes.u8() % WAIT);
        let mut config = VdConfig::default();
        let out = place(&mut config, bytes);
        // SAFETY: as in `create`.
        self.check(unsafe { vdi_get_configuration(set, wait.into(), out) });
    }

    fn open_device(&mut self, bytes: &mut Bytes<'_>) {
        let (set, name) = (self.set(bytes), Text::name(bytes));
        let mut device = 32 as Handle;
        let out = place(&mut device, bytes);
        // SAFETY: as in `create`.
        let result = unsafe { vdi_open_device(set, name.pointer(), out) };
        let device = self.opened(out, &device, result);
        self.devices.extend(device);
    }

    fn get_command(&mut self, bytes: &mut Bytes<'_>) {
        let (device, wait) = (self.device(bytes), bytes.u8() % WAIT);
        let mut command = null();
        let out = place(&mut command, bytes);
        // SAFETY: as in `create`.
        let result = self.check(unsafe { vdi_get_command(device, wait.into(), out) });
        assert_eq!(result == NOERROR, !command.is_null());
        if result == NOERROR {
            // SAFETY: valid until the command is completed.
            let values = unsafe { command.read() };
            if !values.buffer.is_null() {
                let moves = values.code == VDC_Read || values.code == VDC_Write;
                assert!(!moves || values.size >= 0, "no buffer is that long");
                let size = if moves { values.size as usize } else { 0 };
                touch(values.buffer, size);
                self.buffers.push(values.buffer);
            }
            self.commands.push(command);
        }
    }

    fn complete(&mut self, bytes: &mut Bytes<'_>) {
        let device = self.device(bytes);
        let choice = usize::from(bytes.u8());
        let known = self.commands.iter().rev().nth(choice).copied();
        let command = match (known, choice) {
            (_, 0xff) => null(),
            (_, 0xfe) => bytes.u64() as usize as *const VdcCommand,
            (known, _) => known.unwrap_or(16 as *const VdcCommand),
        };
        let code = bytes.likely(&[0, 38, 112, 1100, 995, 1117]) as i32;
        let moved = bytes.likely(&[0, 512, 4096, 65536]);
        let position = if bytes.rarely(16) {
            bytes.u64() as i64
        } else {
            0
        };
        self.check(vdi_complete_command(device, command, code, moved, position));
    }

    fn get_buffer_handle(&mut self, bytes: &mut Bytes<'_>) {
        let (set, buffer) = (self.set(bytes), self.buffer(bytes));
        let mut handle = 7;
        let out = place(&mut handle, bytes);
        // SAFETY: as in `create`; the buffer is an address that is not followed.
        let result = self.check(unsafe { vdi_get_buffer_handle(set, buffer, out) });
        if result == NOERROR {
            assert_ne!(handle, 0);
            self.handles.push(handle);
        }
    }

    fn map_buffer_handle(&mut self, bytes: &mut Bytes<'_>) {
        let (set, handle) = (self.set(bytes), self.buffer_handle(bytes));
        let mut address = null_mut();
        let out = place(&mut address, bytes);
        // SAFETY: as in `create`.
        let result = self.check(unsafe { vdi_map_buffer_handle(set, handle, out) });
        assert_eq!(result == NOERROR, !address.is_null());
        if result == NOERROR {
            touch(address, 1);
            self.buffers.push(address);
        }
    }

    fn buffer_handle(&self, bytes: &mut Bytes<'_>) -> u32 {
        let choice = usize::from(bytes.u8());
        let known = self.handles.iter().rev().nth(choice).copied();
        known.unwrap_or_else(|| bytes.likely(&[1, 4096, 4097]))
    }

    /// The address of a buffer, or near one, or any.
    pub(super) fn buffer(&self, bytes: &mut Bytes<'_>) -> *mut u8 {
        let choice = usize::from(bytes.u8());
        let known = self.buffers.iter().rev().nth(choice & 0x1f).copied();
        match (known, choice) {
            (_, 0xff) | (None, 0..0x80) => null_mut(),
            (None, _) => bytes.u64() as usize as *mut u8,
            (Some(known), 0..0xe0) => known,
            (Some(known), _) => known.wrapping_offset(bytes.likely(&[0, 1, 511, 512]) as isize),
        }
    }

    fn abort_reason(&mut self, bytes: &mut Bytes<'_>) {
        let (set, mut code) = (self.set(bytes), 0);
        let out = place(&mut code, bytes);
        let mut text = Reason::new(bytes);
        // SAFETY: as in `create`; the text has that size.
        let result = self.check(unsafe { vdi_abort_reason(set, out, text.pointer(), text.size) });
        text.check(result);
    }
}

/// Where the reason of an abort goes.
pub(super) struct Reason {
    text: Option<Box<[c_char]>>,
    pub(super) size: usize,
}

impl Reason {
    pub(super) fn new(bytes: &mut Bytes<'_>) -> Self {
        let size = bytes.likely(&[256, 0, 1, 2, 3]).min(1000) as usize;
        // In a box of just this size, so that a byte too many is noticed.
        let text = (!bytes.rarely(16)).then(|| vec![0x55; size].into_boxed_slice());
        Self { text, size }
    }

    pub(super) fn pointer(&mut self) -> *mut c_char {
        let text = self.text.as_mut();
        text.map_or(null_mut(), |text| text.as_mut_ptr())
    }

    /// The text ends within its place.
    pub(super) fn check(&self, result: i32) {
        let text = self.text.as_ref().filter(|text| !text.is_empty());
        if let Some(text) = text.filter(|_| result == NOERROR) {
            assert!(text.contains(&0));
        }
    }
}

fn config(bytes: &mut Bytes<'_>) -> VdConfig {
    let mut config = VdConfig([0; 11]);
    config.0[0] = bytes.likely(&[1, 1, 1, 2, 3, 64, 65]);
    config.0[1] = bytes.likely(&[0, VDF_LikeTape, VDF_LikeDisk, VDF_RequestComplete]);
    config.0[2] = bytes.likely(&[0, 16, 1000, VDI_MAX_PREFIX_ZONE]);
    config.0[3] = bytes.likely(&[0, 512, 65536]);
    config.0[6] = bytes.likely(&[0, 0, 0, 1, 1000]);
    config
}

fn options(bytes: &mut Bytes<'_>) -> CreateOptions {
    let size = size_of::<CreateOptions>() as u32;
    let mut options = CreateOptions {
        size,
        name_wait: 1,
        ..CreateOptions::default()
    };
    if bytes.rarely(4) {
        options.size = bytes.likely(&[size, size]);
        options.flags = bytes.likely(&[0, VDI_CREATE_LENIENT, VDI_CREATE_ALLOW_UID]);
        options.uid = bytes.likely(&[0]);
        options.gid = rustix::process::getegid().as_raw();
        options.queue_capacity = bytes.likely(&[0, 64, 128, 4096]);
        options.name_wait = bytes.likely(&[1, 2, 3_600_001]);
        options.reserved[3] = bytes.likely(&[0, 0, 0]);
        if options.name_wait == 0 || (3..3_600_001).contains(&options.name_wait) {
            options.name_wait = 2;
        }
    }
    options
}
