"""vdi.h for Python: what the tests use of it, through ctypes and dlopen."""

import ctypes
from ctypes import (CFUNCTYPE, POINTER, Structure, c_char_p, c_int32, c_int64, c_size_t, c_uint8,
                    c_uint32, c_void_p)

NOERROR = 0
VD_E_TIMEOUT = -2139684861
VD_E_ABORT = -2139684860
VD_E_INVALID = -2139684858
VD_E_NOTSUPPORTED = -2139684855
VD_E_PROTOCOL = -2139684852
VD_E_CLOSE = -2139684850

ERROR_SUCCESS = 0
ERROR_HANDLE_EOF = 38
ERROR_NOT_SUPPORTED = 50
ERROR_OPERATION_ABORTED = 995

VDF_RequestComplete = 0x2000
VDF_WriteMedia = 0x10000
VDF_ReadMedia = 0x20000
VDF_CompleteEnabled = 0x40000

VDC_Read = 1
VDC_Write = 2
VDC_ClearError = 3
VDC_Rewind = 4
VDC_Flush = 12
VDC_Complete = 19

VDI_ABORT_CLIENT = 2

VDI_INFINITE = 0xFFFFFFFF


class VDConfig(Structure):
    _fields_ = [(name, c_uint32) for name in (
        "deviceCount", "features", "prefixZoneSize", "alignment", "softFileMarkBlockSize",
        "EOMWarningSize", "serverTimeOut", "blockSize", "maxIODepth", "maxTransferSize",
        "bufferAreaSize")]


class VDC_Command(Structure):
    _fields_ = [("commandCode", c_int32), ("size", c_int32), ("position", c_int64),
                ("buffer", POINTER(c_uint8))]


class vdi_server_parameters(Structure):
    _fields_ = [(name, c_uint32) for name in (
        "size", "features", "blockSize", "alignment", "maxTransferSize", "timeout")] + [
        ("reserved", c_uint32 * 2)]


class VDS_Command(Structure):
    pass


COMPLETION_ROUTINE = CFUNCTYPE(None, POINTER(VDS_Command))
VDS_Command._fields_ = [
    ("commandCode", c_int32), ("size", c_int32), ("inPosition", c_int64), ("outPosition", c_int64),
    ("buffer", c_void_p), ("completionRoutine", COMPLETION_ROUTINE),
    ("completionContext", c_void_p), ("completionCode", c_int32), ("bytesTransferred", c_int32)]

PROTOTYPES = {
    "vdi_version": (c_uint32, []),
    "vdi_result_name": (c_char_p, [c_int32]),
    "vdi_command_name": (c_char_p, [c_int32]),
    "vdi_last_error_message": (c_char_p, []),
    "vdi_create": (c_int32, [c_char_p, c_char_p, POINTER(VDConfig), c_void_p, POINTER(c_void_p)]),
    "vdi_get_configuration": (c_int32, [c_void_p, c_uint32, POINTER(VDConfig)]),
    "vdi_open_device": (c_int32, [c_void_p, c_char_p, POINTER(c_void_p)]),
    "vdi_get_command": (c_int32, [c_void_p, c_uint32, POINTER(POINTER(VDC_Command))]),
    "vdi_complete_command": (
        c_int32, [c_void_p, POINTER(VDC_Command), c_int32, c_uint32, c_int64]),
    "vdi_signal_abort": (c_int32, [c_void_p, c_char_p]),
    "vdi_abort_reason": (c_int32, [c_void_p, POINTER(c_uint32), c_char_p, c_size_t]),
    "vdi_close": (c_int32, [c_void_p]),
    "vdi_server_open": (c_int32, [c_char_p, c_char_p, POINTER(c_void_p)]),
    "vdi_server_get_configuration": (c_int32, [c_void_p, POINTER(VDConfig)]),
    "vdi_server_begin_configuration": (c_int32, [c_void_p, POINTER(vdi_server_parameters)]),
    "vdi_server_request_buffers": (c_int32, [c_void_p, c_uint32, c_uint32, c_uint32]),
    "vdi_server_end_configuration": (c_int32, [c_void_p]),
    "vdi_server_execute_completion_agent": (c_int32, [c_void_p]),
    "vdi_server_open_device": (c_int32, [c_void_p, c_char_p, POINTER(c_void_p)]),
    "vdi_server_allocate_buffer": (c_int32, [c_void_p, c_uint32, c_uint32, POINTER(c_void_p)]),
    "vdi_server_send_command": (c_int32, [c_void_p, POINTER(VDS_Command)]),
    "vdi_server_close_device": (c_int32, [c_void_p]),
    "vdi_server_abort_reason": (c_int32, [c_void_p, POINTER(c_uint32), c_char_p, c_size_t]),
    "vdi_server_close": (c_int32, [c_void_p]),
}


def load(path):
    library = ctypes.CDLL(path)
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


class VdiError(Exception):
    pass


def check(library, result, *allowed):
    """The result of a call, which has to be NOERROR or one of `allowed`."""
    if result not in (NOERROR, *allowed):
        name = library.vdi_result_name(result).decode()
        raise VdiError(f"{name}: {library.vdi_last_error_message().decode()}")
    return result


def device_name(name, index):
    return name + str(index).encode() if index else name
