//! The calls of the server's sets and devices.

use super::client::Reason;
use super::sent::ROUTINES;
use super::*;

/// Most servers of a case.
const MOST_SERVERS: usize = 3;

impl Program {
    pub(super) fn server_call(&mut self, number: u8, bytes: &mut Bytes<'_>) {
        match number {
            call::SERVER_OPEN => self.server_open(bytes),
            call::SERVER_GET_CONFIGURATION => {
                let (server, mut config) = (self.server(bytes), VdConfig::default());
                let out = place(&mut config, bytes);
                // SAFETY: null, misaligned, or the place of the result.
                self.check(unsafe { vdi_server_get_configuration(server, out) });
            }
            call::BEGIN_CONFIGURATION => self.begin_configuration(bytes),
            call::REQUEST_BUFFERS => self.request_buffers(bytes),
            call::QUERY_AVAILABLE_BUFFERS => self.query_available_buffers(bytes),
            call::END_CONFIGURATION => {
                let server = self.server(bytes);
                self.check(vdi_server_end_configuration(server));
            }
            call::EXECUTE_COMPLETION_AGENT => {
                let server = self.server(bytes);
                let which = bytes.below(self.agents.len());
                self.agents[which].serve(server);
            }
            call::SERVER_OPEN_DEVICE => self.server_open_device(bytes),
            call::ALLOCATE_BUFFER => self.allocate(bytes),
            call::FREE_BUFFER => {
                let (server, buffer) = (self.server(bytes), self.buffer(bytes));
                let size = bytes.likely(&[512, 4096, 65536]);
                self.check(vdi_server_free_buffer(server, buffer, size));
            }
            call::IS_SHARED_BUFFER => {
                let (server, buffer) = (self.server(bytes), self.buffer(bytes));
                let answer = vdi_server_is_shared_buffer(server, buffer);
                assert!(answer == 0 || answer == 1);
            }
            call::SEND_COMMAND => self.send(bytes),
            call::CLOSE_DEVICE => {
                let device = self.server_device(bytes);
                self.check(vdi_server_close_device(device));
            }
            call::SERVER_SIGNAL_ABORT => {
                let (server, reason) = (self.server(bytes), Text::instance(bytes));
                // SAFETY: a string, or null.
                self.check(unsafe { vdi_server_signal_abort(server, reason.pointer()) });
            }
            call::SERVER_ABORT_REASON => self.server_abort_reason(bytes),
            _ => {
                let server = self.server(bytes);
                self.check(vdi_server_close(server));
            }
        }
    }

    fn server(&self, bytes: &mut Bytes<'_>) -> Handle {
        let others = [&self.sets, &self.devices, &self.server_devices];
        handle(&self.servers, others.map(Vec::as_slice), bytes)
    }

    fn server_device(&self, bytes: &mut Bytes<'_>) -> Handle {
        let others = [&self.sets, &self.devices, &self.servers];
        handle(&self.server_devices, others.map(Vec::as_slice), bytes)
    }

    fn server_open(&mut self, bytes: &mut Bytes<'_>) {
        if self.servers.len() == MOST_SERVERS {
            return;
        }
        let (instance, name) = (Text::instance(bytes), Text::name(bytes));
        let mut server = 32 as Handle;
        let out = place(&mut server, bytes);
        // SAFETY: strings or null; null, misaligned, or the place of the result.
        let result = unsafe { vdi_server_open(instance.pointer(), name.pointer(), out) };
        let server = self.opened(out, &server, result);
        self.servers.extend(server);
    }

    fn begin_configuration(&mut self, bytes: &mut Bytes<'_>) {
        let server = self.server(bytes);
        let features = [
            VDF_WriteMedia,
            VDF_ReadMedia,
            VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled,
        ];
        let size = size_of::<ServerParameters>() as u32;
        let parameters = ServerParameters {
            features: bytes.likely(&features),
            block_size: bytes.likely(&[512, 4096, 65536]),
            alignment: bytes.likely(&[0, 0, 4096, 65536]),
            max_transfer_size: bytes.likely(&[65536, 1 << 20]),
            timeout: 0,
            size: bytes.likely(&[size, size, size, size]),
            ..ServerParameters::default()
        };
        let parameters = source(&parameters, bytes);
        // SAFETY: as in `server_open`.
        self.check(unsafe { vdi_server_begin_configuration(server, parameters) });
    }

    fn request_buffers(&mut self, bytes: &mut Bytes<'_>) {
        let server = self.server(bytes);
        let size = bytes.likely(&[512, 4096, 65536, 100]);
        let alignment = bytes.likely(&[0, 512, 65536]);
        let count = bytes.likely(&[1, 2, 3, 5]);
        if self.areas < MOST_AREAS {
            self.areas += 1;
            self.check(vdi_server_request_buffers(server, size, alignment, count));
        }
    }

    fn query_available_buffers(&mut self, bytes: &mut Bytes<'_>) {
        let server = self.server(bytes);
        let size = bytes.likely(&[512, 4096, 65536, 100]);
        let alignment = bytes.likely(&[0, 512, 65536]);
        let mut count = 9;
        let out = place(&mut count, bytes);
        // SAFETY: as in `server_open`.
        let result = unsafe { vdi_server_query_available_buffers(server, size, alignment, out) };
        self.check(result);
    }

    fn server_open_device(&mut self, bytes: &mut Bytes<'_>) {
        let (server, name) = (self.server(bytes), Text::name(bytes));
        let mut device = 32 as Handle;
        let out = place(&mut device, bytes);
        // SAFETY: as in `server_open`.
        let result = unsafe { vdi_server_open_device(server, name.pointer(), out) };
        let device = self.opened(out, &device, result);
        self.server_devices.extend(device);
    }

    fn allocate(&mut self, bytes: &mut Bytes<'_>) {
        let server = self.server(bytes);
        let size = bytes.likely(&[512, 4096, 65536, 100]);
        let alignment = bytes.likely(&[0, 512, 65536]);
        let mut buffer = null_mut();
        let out = place(&mut buffer, bytes);
        // SAFETY: as in `server_open`.
        let result = unsafe { vdi_server_allocate_buffer(server, size, alignment, out) };
        let result = self.check(result);
        assert_eq!(result == NOERROR, !buffer.is_null());
        if result == NOERROR {
            // A routine on the agent's thread that closes the server takes the memory away.
            if !self.sent.iter().any(|sent| sent.may_close()) {
                touch(buffer, size as usize);
            }
            self.buffers.push(buffer);
        }
    }

    fn send(&mut self, bytes: &mut Bytes<'_>) {
        let device = self.server_device(bytes);
        let then = bytes.below(ROUTINES) as u8;
        let code = bytes.likely(&[
            VDC_Write as u32,
            VDC_Read as u32,
            VDC_ClearError as u32,
            VDC_Flush as u32,
            VDC_GetPosition as u32,
        ]);
        let size = bytes.likely(&[0, 512, 4096, 65536]);
        let buffer = self.buffer(bytes);
        let position = if bytes.rarely(16) {
            bytes.u64() as i64
        } else {
            0
        };
        let times = match bytes.u8() {
            0xff => 70,
            times => usize::from(times % 4) + 1,
        };
        let server = self.servers.last().copied().unwrap_or(null_mut());
        for _ in 0..times {
            let sent = Sent::new(then, device, server);
            self.sent.push(Arc::clone(&sent));
            self.check(sent.send(code as i32, size as i32, position, buffer));
        }
        if bytes.rarely(32) {
            let result = Sent::new(0, device, server).send_nothing(bytes.rarely(2));
            assert_eq!(self.check(result), VD_E_INVALID);
        }
    }

    fn server_abort_reason(&mut self, bytes: &mut Bytes<'_>) {
        let (server, mut code) = (self.server(bytes), 0);
        let out = place(&mut code, bytes);
        let mut text = Reason::new(bytes);
        let (pointer, size) = (text.pointer(), text.size);
        // SAFETY: as in `server_open`; the text has that size.
        let result = unsafe { vdi_server_abort_reason(server, out, pointer, size) };
        text.check(self.check(result));
    }
}
