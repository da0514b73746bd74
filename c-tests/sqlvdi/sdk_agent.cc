/*
 * A backup program with one device, against whatever header and library it is built with. It exits with
 * 0 after the good end of its device, 2 if no set could be created, else with 1.
 *
 *     sdk_agent NAME FILE
 */
#include <vdi.h>
#include <vdierror.h>

#include <cstdio>
#include <cstring>

/* Never deleted, as in the samples. */
static ClientVirtualDevice *device;

static int execute(const VDC_Command *command, std::FILE *file, unsigned long *bytes)
{
    std::size_t size = static_cast<std::size_t>(command->size);
    *bytes = 0;
    switch (command->commandCode) {
    case VDC_Read:
        *bytes = std::fread(command->buffer, 1, size, file);
        return *bytes == size ? ERROR_SUCCESS : ERROR_HANDLE_EOF;
    case VDC_Write:
        *bytes = std::fwrite(command->buffer, 1, size, file);
        return *bytes == size ? ERROR_SUCCESS : ERROR_DISK_FULL;
    case VDC_Flush:
        return std::fflush(file) == 0 ? ERROR_SUCCESS : ERROR_DISK_FULL;
    case VDC_ClearError:
        return ERROR_SUCCESS;
    default:
        return ERROR_NOT_SUPPORTED;
    }
}

static int serve(std::FILE *file)
{
    VDC_Command *command;
    int result;
    while ((result = device->GetCommand(90, &command)) == NOERROR || result == VD_E_TIMEOUT) {
        unsigned long bytes;
        if (result == VD_E_TIMEOUT)
            continue;
        int code = execute(command, file, &bytes);
        result = device->CompleteCommand(command, code, bytes, 0);
        if (result != NOERROR)
            return result;
    }
    return result;
}

static int run(ClientVirtualDeviceSet *set, char *name, const char *path)
{
    VDConfig config;
    int result = set->GetConfiguration(-1, &config);
    if (result != NOERROR)
        return result;
    result = set->OpenDevice(name, &device);
    if (result != NOERROR)
        return result;
    std::FILE *file = std::fopen(path, config.features & VDF_WriteMedia ? "wb" : "rb");
    if (file == nullptr)
        return set->SignalAbort();
    result = serve(file);
    return std::fclose(file) == 0 ? result : VD_E_ABORT;
}

int main(int argc, char **argv)
{
    ClientVirtualDeviceSet *set = new ClientVirtualDeviceSet();
    VDConfig config;
    std::memset(&config, 0, sizeof config);
    config.deviceCount = 1;
    if (argc != 3)
        return 1;
    int result = set->Create(argv[1], &config);
    if (result != NOERROR) {
        delete set;
        return 2;
    }
    result = run(set, argv[1], argv[2]);
    set->Close();
    delete set;
    return result == VD_E_CLOSE ? 0 : 1;
}
