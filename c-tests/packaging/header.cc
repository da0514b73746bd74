// The header stands alone, may be included twice, and declares what a caller needs.
#include <vdi.h>
#include <vdi.h>

#if __cplusplus >= 201103L
static_assert(noexcept(vdi_close(nullptr)), "a C function does not throw");
static_assert(sizeof(VDConfig) == 44, "published layout");
static_assert(sizeof(VDC_Command) == 24, "published layout");
static_assert(sizeof(VDS_Command) == 56, "published layout");
#endif

extern "C" {
static void routine(VDS_Command *command)
{
    command->completionContext = NULL;
}
}

vdi_result use_header(vdi_set **set, vdi_server_device *device);

vdi_result use_header(vdi_set **set, vdi_server_device *device)
{
    VDConfig config = VDConfig();
    VDS_Command command = VDS_Command();
    vdi_result result = vdi_create(NULL, "name", &config, NULL, set);
    command.completionRoutine = routine;
    if (result == VD_E_CLOSE || result == VD_E_ABORT)
        result = vdi_server_send_command(device, &command);
    return result;
}
