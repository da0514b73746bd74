// The header compiles without a warning, alone and included twice; the object wants every member of the
// classes, which the list of symbols is compared with. The program has a header of its own with a guard that
// is also that of the C interface, and names of its own for numbers that are not published here.
#define VDI_H
#include <vdi.h>
#include <vdi.h>
#include <vdierror.h>

enum OwnNames {
    ERROR_INVALID_HANDLE = 6,
    ERROR_INVALID_PARAMETER = 87,
    ERROR_END_OF_MEDIA = 1100,
    ERROR_FILEMARK_DETECTED = 1101,
    ERROR_NO_DATA_DETECTED = 1104,
    ERROR_BUS_RESET = 1111,
    ERROR_IO_DEVICE = 1117,
    ERROR_EOM_OVERFLOW = 1129,
    ERROR_NO_SYSTEM_RESOURCES = 1450
};

#include <stddef.h>
#include <type_traits>

static_assert(offsetof(VDConfig, bufferAreaSize) == 40, "published layout");
static_assert(offsetof(VDC_Command, position) == 8 && offsetof(VDC_Command, buffer) == 16,
              "published layout");
static_assert(offsetof(VDS_Command, outPosition) == 16 &&
                  offsetof(VDS_Command, completionRoutine) == 32 &&
                  offsetof(VDS_Command, completionContext) == 40 &&
                  offsetof(VDS_Command, completionCode) == 48 &&
                  offsetof(VDS_Command, bytesTransferred) == 52,
              "published layout");
static_assert(sizeof(VDConfig) == 44 && alignof(VDConfig) == 4, "published layout");
static_assert(alignof(ClientVirtualDeviceSet) == 8 && alignof(ClientVirtualDevice) == 8,
              "published layout");
static_assert(!std::is_polymorphic<ClientVirtualDeviceSet>::value &&
                  std::is_standard_layout<ClientVirtualDeviceSet>::value &&
                  !std::is_polymorphic<ClientVirtualDevice>::value &&
                  std::is_standard_layout<ClientVirtualDevice>::value,
              "no virtual functions, no base classes");
static_assert(VDF_LikeTape == 0x173 && VDF_LikeDisk == 0x200 && VDF_LatchStats == 0x80000000 &&
                  VDC_Complete == 19 && VDC_End == 2,
              "published values");
static_assert(static_cast<unsigned>(VD_E_NOTOPEN) == 0x80770002 &&
                  static_cast<unsigned>(VD_E_TIMEOUT) == 0x80770003 &&
                  static_cast<unsigned>(VD_E_ABORT) == 0x80770004 &&
                  static_cast<unsigned>(VD_E_SECURITY) == 0x80770005 &&
                  static_cast<unsigned>(VD_E_INVALID) == 0x80770006 &&
                  static_cast<unsigned>(VD_E_INSTANCE_NAME) == 0x80770007 &&
                  static_cast<unsigned>(VD_E_NOTSUPPORTED) == 0x80770009 &&
                  static_cast<unsigned>(VD_E_MEMORY) == 0x8077000A &&
                  static_cast<unsigned>(VD_E_UNEXPECTED) == 0x8077000B &&
                  static_cast<unsigned>(VD_E_PROTOCOL) == 0x8077000C &&
                  static_cast<unsigned>(VD_E_OPEN) == 0x8077000D &&
                  static_cast<unsigned>(VD_E_CLOSE) == 0x8077000E &&
                  static_cast<unsigned>(VD_E_BUSY) == 0x8077000F,
              "published values");

// Derived classes want the other constructors and destructors.
struct Set : ClientVirtualDeviceSet {
    Set();
    ~Set();
};

struct Device : ClientVirtualDevice {
    Device();
    ~Device();
};

Set::Set() {}
Set::~Set() {}
Device::Device() {}
Device::~Device() {}

static_assert(VD_ERROR(2U) == VD_E_NOTOPEN && VD_ERROR(0xFU) == VD_E_BUSY, "published macro");

int use(char *name);

int use(char *name)
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice none, *device = &none;
    VDC_Command *command = nullptr;
    VDConfig config = VDConfig();
    unsigned int handle = 0;
    uint8_t *buffer = nullptr;
    config.features = VDF_LikeTape | VDF_RequestComplete;
    int result = set.Create(name, &config) | set.OpenInSecondary(name) |
                 set.GetConfiguration(-1, &config) | set.OpenDevice(name, &device) |
                 set.GetBufferHandle(buffer, &handle) |
                 set.MapBufferHandle(static_cast<int>(handle), &buffer) | set.SignalAbort();
    set.RegisterDeviceClosed();
    while (device->GetCommand(0, &command) == NOERROR) {
        switch (command->commandCode) {
        case VDC_Read:
        case VDC_Write:
            result |= device->CompleteCommand(command, ERROR_SUCCESS, 0, command->position);
        }
    }
    return result | set.Close();
}
