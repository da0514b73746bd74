#!/usr/bin/env python3
"""A backup and a restore through libvdi.so, loaded with dlopen: client and server are processes.

usage: test_ctypes.py [LIBRARY [TEST...]]      LIBRARY is also taken from $VDI_LIBRARY

Only the standard library and vdi.h were used to write this harness.
"""

import faulthandler
import sys

sys.dont_write_bytecode = True

import ctypes
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
from ctypes import POINTER, byref, c_void_p

from binding import *
from engine import BLOCK, DEVICES, TRANSFER, WATCHDOG_SECONDS


class Stream(threading.Thread):
    """A device of the client: a stream of bytes in memory."""

    def __init__(self, library, client, name, index, data=b""):
        super().__init__(daemon=True)
        self.library = library
        self.client = client
        self.device_name = device_name(name, index)
        self.data = bytearray(data)
        self.read = 0
        self.codes = []
        self.result = None

    def execute(self, command):
        """Returns completion code and bytes moved."""
        self.codes.append(command.commandCode)
        if command.commandCode == VDC_Write:
            self.data += ctypes.string_at(command.buffer, command.size)
            return ERROR_SUCCESS, command.size
        if command.commandCode == VDC_Read:
            piece = bytes(self.data[self.read:self.read + command.size])
            ctypes.memmove(command.buffer, piece, len(piece))
            self.read += len(piece)
            return (ERROR_SUCCESS if len(piece) == command.size else ERROR_HANDLE_EOF), len(piece)
        if command.commandCode in (VDC_Flush, VDC_Complete, VDC_ClearError):
            return ERROR_SUCCESS, 0
        return ERROR_NOT_SUPPORTED, 0

    def run(self):
        library = self.library
        device = c_void_p()
        self.result = library.vdi_open_device(self.client, self.device_name, byref(device))
        command = POINTER(VDC_Command)()
        while self.result == NOERROR:
            self.result = library.vdi_get_command(device, VDI_INFINITE, byref(command))
            if self.result == NOERROR:
                code, moved = self.execute(command.contents)
                self.result = library.vdi_complete_command(device, command, code, moved, 0)


class Case(unittest.TestCase):
    library_path = None

    @classmethod
    def setUpClass(cls):
        cls.library = load(cls.library_path)

    def setUp(self):
        faulthandler.dump_traceback_later(WATCHDOG_SECONDS, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        # Not $TMPDIR: the path of a socket has to fit 107 bytes. ci/test.sh looks for this name.
        prefix = f"vdi-t{os.getpid()}-"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.runtime = self.directory / "run"
        self.runtime.mkdir(mode=0o700)
        os.environ["VDI_RUNTIME_DIR"] = str(self.runtime)
        self.name = f"python {os.getpid()} {self.id()[-40:]}".encode()

    def create(self):
        client = c_void_p()
        config = VDConfig(deviceCount=DEVICES, features=VDF_RequestComplete)
        check(self.library, self.library.vdi_create(
            None, self.name, byref(config), None, byref(client)))
        return client

    def start_server(self, statement, path=""):
        script = pathlib.Path(__file__).with_name("engine.py")
        engine = subprocess.Popen(
            [sys.executable, script, self.library_path, self.name, statement, path],
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(engine.stdout.close)
        self.addCleanup(engine.wait)
        self.addCleanup(engine.kill)
        return engine

    def wait_configured(self, client, engine):
        """GetConfiguration polled while the statement is watched. [CFG-09]"""
        config = VDConfig()
        while check(self.library, self.library.vdi_get_configuration(client, 200, byref(config)),
                    VD_E_TIMEOUT) != NOERROR:
            self.assertIsNone(engine.poll(), "the engine ended before it configured the set")
        return config

    def run_statement(self, statement, path, contents=(b"",) * DEVICES):
        """Runs a statement in a server process against client streams in this one."""
        client = self.create()
        engine = self.start_server(statement, str(path))
        config = self.wait_configured(client, engine)
        streams = [Stream(self.library, client, self.name, index, contents[index])
                   for index in range(DEVICES)]
        for stream in streams:
            stream.start()
        for stream in streams:
            stream.join()
            self.assertEqual(stream.result, VD_E_CLOSE)
        self.assertEqual(self.library.vdi_close(client), NOERROR)
        engine.communicate()
        self.assertEqual(engine.returncode, 0, "the statement failed")
        self.assertEqual(list(self.runtime.iterdir()), [])
        return config, streams


class Transfer(Case):
    def test_backup_and_restore(self):
        size = 5 * TRANSFER + 3 * BLOCK
        data = random.Random(1).randbytes(size)
        source = self.directory / "source"
        target = self.directory / "target"
        source.write_bytes(data)

        config, streams = self.run_statement("backup", source)
        self.assertEqual(config.features,
                         VDF_RequestComplete | VDF_WriteMedia | VDF_CompleteEnabled)
        self.assertEqual((config.deviceCount, config.blockSize, config.maxTransferSize),
                         (DEVICES, BLOCK, TRANSFER))
        self.assertEqual(streams[0].codes[-4:],
                         [VDC_Rewind, VDC_ClearError, VDC_Flush, VDC_Complete])
        pieces = [data[start:start + TRANSFER] for start in range(0, size, TRANSFER)]
        for index, stream in enumerate(streams):
            self.assertEqual(bytes(stream.data), b"".join(pieces[index::DEVICES]))

        config, _ = self.run_statement("restore", target, [stream.data for stream in streams])
        self.assertEqual(config.features, VDF_RequestComplete | VDF_ReadMedia)
        self.assertEqual(target.read_bytes(), data)

    def test_abort_of_the_client(self):
        client = self.create()
        engine = self.start_server("aborted")
        self.wait_configured(client, engine)
        # The engine sends one command, and this process never completes it. [CSET-ABORT-07]
        device = c_void_p()
        command = POINTER(VDC_Command)()
        check(self.library, self.library.vdi_open_device(client, self.name, byref(device)))
        check(self.library, self.library.vdi_get_command(device, VDI_INFINITE, byref(command)))
        check(self.library, self.library.vdi_signal_abort(client, b"out of tapes"))
        output, _ = engine.communicate()
        self.assertEqual(engine.returncode, 0)
        self.assertEqual(output.strip(), f"{ERROR_OPERATION_ABORTED} 0 {VD_E_ABORT} "
                                         f"{VDI_ABORT_CLIENT} out of tapes")
        self.assertEqual(self.library.vdi_complete_command(device, command, 0, 0, 0), VD_E_ABORT)
        # An aborted set may be closed with open devices. [CSET-CLOSE-05]
        self.assertEqual(self.library.vdi_close(client), NOERROR)


class Errors(Case):
    def message(self):
        return self.library.vdi_last_error_message().decode()

    def test_names(self):
        self.assertEqual(self.library.vdi_result_name(VD_E_CLOSE), b"VD_E_CLOSE")
        self.assertEqual(self.library.vdi_command_name(VDC_Flush), b"VDC_Flush")
        self.assertEqual(self.library.vdi_version() >> 16, 0)

    def test_closed_handle(self):
        for handle in (None, 1, 0xdeadbeef):
            self.assertEqual(self.library.vdi_close(handle), VD_E_PROTOCOL)
            self.assertIn("vdi_close", self.message())
        client = self.create()
        self.assertEqual(self.library.vdi_close(client), NOERROR)
        self.assertEqual(self.library.vdi_close(client), VD_E_PROTOCOL)

    def test_bad_parameters(self):
        client = c_void_p(1)
        config = VDConfig(deviceCount=1)
        self.assertEqual(VD_E_INVALID, self.library.vdi_create(
            None, b"back\\slash", byref(config), None, byref(client)))
        self.assertIn("name", self.message())
        self.assertIsNone(client.value, "an output parameter holds its failure value")
        self.assertEqual(VD_E_INVALID, self.library.vdi_create(
            None, self.name, None, None, byref(client)))
        self.assertIn("config", self.message())
        config.deviceCount = 65
        self.assertEqual(VD_E_NOTSUPPORTED, self.library.vdi_create(
            None, self.name, byref(config), None, byref(client)))
        self.assertIn("deviceCount", self.message())

    def test_time_out_changes_nothing(self):
        client = self.create()
        config = VDConfig(deviceCount=77)
        begin = time.monotonic()
        result = self.library.vdi_get_configuration(client, 50, byref(config))
        self.assertEqual(result, VD_E_TIMEOUT)
        self.assertGreaterEqual(time.monotonic() - begin, 0.045)
        self.assertEqual(config.deviceCount, 77)
        self.assertEqual(self.library.vdi_get_configuration(client, 0, byref(config)), VD_E_TIMEOUT)
        self.assertEqual(self.library.vdi_close(client), NOERROR)

    def test_messages_belong_to_threads(self):
        self.assertEqual(self.library.vdi_close(None), VD_E_PROTOCOL)
        seen = []
        thread = threading.Thread(target=lambda: seen.append(self.message()))
        thread.start()
        thread.join()
        self.assertEqual(seen, [""])
        self.assertIn("vdi_close", self.message())


if __name__ == "__main__":
    path = sys.argv.pop(1) if len(sys.argv) > 1 else os.environ.get("VDI_LIBRARY")
    if not path:
        sys.exit("usage: test_ctypes.py LIBRARY [TEST...]")
    Case.library_path = path
    unittest.main(verbosity=2)
