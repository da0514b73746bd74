/* The installed header and the installed library belong together. */
#include <stdio.h>
#include <string.h>
#include <vdi.h>

int main(void)
{
    uint32_t header = VDI_VERSION_MAJOR << 16 | VDI_VERSION_MINOR << 8 | VDI_VERSION_PATCH;
    if (vdi_version() != header || strcmp(vdi_result_name(VD_E_CLOSE), "VD_E_CLOSE") != 0) {
        fprintf(stderr, "header %x, library %x\n", (unsigned)header, (unsigned)vdi_version());
        return 1;
    }
    return 0;
}
