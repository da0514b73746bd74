// Another vendor's library, as far as a linker needs one: all members, and no set is ever created.
#include "vdi.h"

#include "vdierror.h"

struct OtherSet {
    int closed;
};

struct OtherDevice {
    int index;
};

static const int UNAVAILABLE = VD_ERROR(0xBu);

ClientVirtualDeviceSet::ClientVirtualDeviceSet() : cvds(new OtherSet()) {}

ClientVirtualDeviceSet::~ClientVirtualDeviceSet()
{
    delete cvds;
}

int ClientVirtualDeviceSet::Create(char *, VDConfig *)
{
    return UNAVAILABLE;
}

int ClientVirtualDeviceSet::GetConfiguration(time_t, VDConfig *)
{
    return UNAVAILABLE;
}

int ClientVirtualDeviceSet::OpenDevice(char *, ClientVirtualDevice **)
{
    return UNAVAILABLE;
}

int ClientVirtualDeviceSet::Close()
{
    return ++cvds->closed > 0 ? UNAVAILABLE : NOERROR;
}

int ClientVirtualDeviceSet::SignalAbort()
{
    return UNAVAILABLE;
}

int ClientVirtualDeviceSet::OpenInSecondary(char *)
{
    return UNAVAILABLE;
}

int ClientVirtualDeviceSet::GetBufferHandle(std::uint8_t *, unsigned int *)
{
    return UNAVAILABLE;
}

int ClientVirtualDeviceSet::MapBufferHandle(int, std::uint8_t **)
{
    return UNAVAILABLE;
}

void ClientVirtualDeviceSet::RegisterDeviceClosed() {}

ClientVirtualDevice::ClientVirtualDevice() : cvd(new OtherDevice()) {}

ClientVirtualDevice::~ClientVirtualDevice()
{
    delete cvd;
}

int ClientVirtualDevice::GetCommand(time_t, VDC_Command **)
{
    return UNAVAILABLE;
}

int ClientVirtualDevice::CompleteCommand(VDC_Command *, int, unsigned long, std::int64_t)
{
    return UNAVAILABLE;
}
