/* The header stands alone, may be included twice, and declares what a caller needs. */
#include <vdi.h>
#include <vdi.h>

static void routine(VDS_Command *command)
{
    command->completionContext = NULL;
}

vdi_result use_header(vdi_set **set, vdi_server_device *device);

vdi_result use_header(vdi_set **set, vdi_server_device *device)
{
    VDConfig config = {0};
    VDS_Command command = {0};
    vdi_result result = vdi_create(NULL, "name", &config, NULL, set);
    command.completionRoutine = routine;
    if (result == NOERROR)
        result = vdi_server_send_command(device, &command);
    return result;
}
