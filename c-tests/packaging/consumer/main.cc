/* The installed header with the classes and the installed library belong together. */
#include <stdio.h>
#include <vdi.h>
#include <vdierror.h>

int main()
{
    ClientVirtualDeviceSet set;
    ClientVirtualDevice device;
    VDC_Command *command;
    if (set.Close() != VD_E_PROTOCOL || device.GetCommand(0, &command) != VD_E_PROTOCOL) {
        fprintf(stderr, "an object without a set does not say so\n");
        return 1;
    }
    return 0;
}
