#!/usr/bin/env python3
"""The server process of test_ctypes.py.

usage: engine.py LIBRARY SETNAME backup|restore|aborted [DATAFILE]
"""

import faulthandler
import sys

sys.dont_write_bytecode = True

import ctypes
import pathlib
import threading
from ctypes import byref, c_uint32, c_void_p

from binding import *

BLOCK = 4096
TRANSFER = 65536
DEVICES = 2
# Long enough for a busy machine; a hang is the failure it finds.
WATCHDOG_SECONDS = 60


class Stripe:
    """A device of the server with one buffer, and commands one after another."""

    def __init__(self, library, server, name, index):
        self.library = library
        self.device = c_void_p()
        check(library, library.vdi_server_open_device(
            server, device_name(name, index), byref(self.device)))
        self.buffer = c_void_p()
        check(library, library.vdi_server_allocate_buffer(
            server, TRANSFER, 0, byref(self.buffer)))
        self.completed = threading.Event()
        # Kept here: ctypes does not keep a callback alive that only a structure refers to.
        self.routine = COMPLETION_ROUTINE(lambda _command: self.completed.set())

    def perform(self, code, size=0):
        """Sends a command; returns its completion code and the bytes moved."""
        command = VDS_Command(commandCode=code, size=size, completionRoutine=self.routine,
                              buffer=self.buffer if size else None)
        self.completed.clear()
        check(self.library, self.library.vdi_server_send_command(self.device, byref(command)))
        self.completed.wait()
        return command.completionCode, command.bytesTransferred

    def expect(self, code, size=0):
        outcome = self.perform(code, size)
        if outcome != (ERROR_SUCCESS, size):
            raise VdiError(f"command {code} of {size} bytes ended with {outcome}")


def backup(stripes, data):
    for start in range(0, len(data), TRANSFER):
        piece = data[start:start + TRANSFER]
        stripe = stripes[start // TRANSFER % len(stripes)]
        ctypes.memmove(stripe.buffer, piece, len(piece))
        stripe.expect(VDC_Write, len(piece))
    # A command that the client does not know puts the device into the IO-ERROR state, which
    # ClearError ends. [CMD-02, ERR-07]
    if stripes[0].perform(VDC_Rewind) != (ERROR_NOT_SUPPORTED, 0):
        raise VdiError("the client supports VDC_Rewind")
    stripes[0].expect(VDC_ClearError)
    for code in (VDC_Flush, VDC_Complete):
        for stripe in stripes:
            stripe.expect(code)
    return b""


def restore(stripes, _data):
    found = bytearray()
    ended = [False] * len(stripes)
    index = 0
    while not all(ended):
        code, moved = stripes[index].perform(VDC_Read, TRANSFER)
        if code not in (ERROR_SUCCESS, ERROR_HANDLE_EOF):
            raise VdiError(f"a Read ended with {code}")
        found += ctypes.string_at(stripes[index].buffer, moved)
        ended[index] = code == ERROR_HANDLE_EOF
        index = (index + 1) % len(stripes)
    return bytes(found)


def serve(library, name, statement, path=None):
    """The engine: carries out a statement on the set."""
    server = c_void_p()
    check(library, library.vdi_server_open(None, name, byref(server)))
    writes = statement != "restore"
    parameters = vdi_server_parameters(
        size=ctypes.sizeof(vdi_server_parameters), blockSize=BLOCK, maxTransferSize=TRANSFER,
        features=VDF_WriteMedia | VDF_CompleteEnabled if writes else VDF_ReadMedia)
    check(library, library.vdi_server_begin_configuration(server, byref(parameters)))
    check(library, library.vdi_server_request_buffers(server, TRANSFER, 0, DEVICES))
    check(library, library.vdi_server_end_configuration(server))
    ended = []
    agent = threading.Thread(target=lambda: ended.append(
        library.vdi_server_execute_completion_agent(server)))
    agent.start()
    stripes = [Stripe(library, server, name, index) for index in range(DEVICES)]
    if statement == "aborted":
        # The client aborts the set while it holds this command.
        outcome = stripes[0].perform(VDC_Flush)
        agent.join()
        code = c_uint32()
        text = ctypes.create_string_buffer(256)
        check(library, library.vdi_server_abort_reason(server, byref(code), text, len(text)))
        print(*outcome, *ended, code.value, text.value.decode())
        check(library, library.vdi_server_close(server))
        return
    data = pathlib.Path(path).read_bytes() if writes else b""
    found = (backup if writes else restore)(stripes, data)
    if not writes:
        pathlib.Path(path).write_bytes(found)
    for stripe in stripes:
        check(library, library.vdi_server_close_device(stripe.device))
    agent.join()
    check(library, ended[0])
    check(library, library.vdi_server_close(server))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
    path, set_name, wanted, *file = sys.argv[1:]
    serve(load(path), set_name.encode(), wanted, *file)
