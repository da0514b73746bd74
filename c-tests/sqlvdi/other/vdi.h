// The classes as another vendor might write them down: the published names and layout, nothing of
// libvdi's header, and members that mean something else to that vendor's library.
#pragma once

#include <cstdint>
#include <ctime>

#define ERROR_SUCCESS 0
#define ERROR_HANDLE_EOF 38
#define ERROR_NOT_SUPPORTED 50
#define ERROR_DISK_FULL 112

#pragma pack(8)
struct VDConfig {
    std::uint32_t deviceCount, features, prefixZoneSize, alignment, softFileMarkBlockSize,
        EOMWarningSize, serverTimeOut, blockSize, maxIODepth, maxTransferSize, bufferAreaSize;
};

struct VDC_Command {
    std::int32_t commandCode, size;
    std::int64_t position;
    std::uint8_t *buffer;
};
#pragma pack()

enum VDCommands { VDC_Read = 1, VDC_Write, VDC_ClearError, VDC_Flush = 12 };
enum VDFeatures { VDF_WriteMedia = 1 << 16, VDF_ReadMedia = 1 << 17 };

struct OtherDevice;
struct OtherSet;

extern "C" {

class ClientVirtualDevice {
    OtherDevice *cvd;

public:
    ClientVirtualDevice();
    ~ClientVirtualDevice();
    int GetCommand(time_t timeOut, VDC_Command **ppCmd);
    int CompleteCommand(VDC_Command *pCmd, int completionCode, unsigned long bytesTransferred,
                        std::int64_t position);
};

class ClientVirtualDeviceSet {
    OtherSet *cvds;

public:
    ClientVirtualDeviceSet();
    ~ClientVirtualDeviceSet();
    int Create(char *name, VDConfig *cfg);
    int GetConfiguration(time_t timeout, VDConfig *cfg);
    int OpenDevice(char *name, ClientVirtualDevice **ppVirtualDevice);
    int Close();
    int SignalAbort();
    int OpenInSecondary(char *setName);
    int GetBufferHandle(std::uint8_t *pBuffer, unsigned int *pBufferHandle);
    int MapBufferHandle(int dwBuffer, std::uint8_t **ppBuffer);
    void RegisterDeviceClosed();
};

}
