/* Sizes, offsets and types of the published structures: section 3 of the specification. */
#include "harness.h"

#include <stddef.h>

/* One row of a table of section 3. */
#define FIELD(structure, field, type, offset) \
    do { \
        CHECK_EQUAL(offsetof(structure, field), offset); \
        CHECK(_Generic(&((structure *)NULL)->field, type *: 1, default: 0)); \
    } while (0)

/* 3.1 */
static void config(void)
{
    CHECK_EQUAL(sizeof(VDConfig), 44);
    CHECK_EQUAL(_Alignof(VDConfig), 4);
    FIELD(VDConfig, deviceCount, uint32_t, 0);
    FIELD(VDConfig, features, uint32_t, 4);
    FIELD(VDConfig, prefixZoneSize, uint32_t, 8);
    FIELD(VDConfig, alignment, uint32_t, 12);
    FIELD(VDConfig, softFileMarkBlockSize, uint32_t, 16);
    FIELD(VDConfig, EOMWarningSize, uint32_t, 20);
    FIELD(VDConfig, serverTimeOut, uint32_t, 24);
    FIELD(VDConfig, blockSize, uint32_t, 28);
    FIELD(VDConfig, maxIODepth, uint32_t, 32);
    FIELD(VDConfig, maxTransferSize, uint32_t, 36);
    FIELD(VDConfig, bufferAreaSize, uint32_t, 40);
}

/* 3.2 */
static void client_command(void)
{
    CHECK_EQUAL(sizeof(VDC_Command), 24);
    CHECK_EQUAL(_Alignof(VDC_Command), 8);
    FIELD(VDC_Command, commandCode, int32_t, 0);
    FIELD(VDC_Command, size, int32_t, 4);
    FIELD(VDC_Command, position, int64_t, 8);
    FIELD(VDC_Command, buffer, uint8_t *, 16);
}

/*
 * 3.3; the two pointers have better types than the byte pointers of the published header. The sizes
 * and codes are signed, as in the Linux header. [STRUCT-04]
 */
static void server_command(void)
{
    CHECK_EQUAL(sizeof(VDS_Command), 56);
    CHECK_EQUAL(_Alignof(VDS_Command), 8);
    FIELD(VDS_Command, commandCode, int32_t, 0);
    FIELD(VDS_Command, size, int32_t, 4);
    FIELD(VDS_Command, inPosition, int64_t, 8);
    FIELD(VDS_Command, outPosition, int64_t, 16);
    FIELD(VDS_Command, buffer, uint8_t *, 24);
    /* The name in the headers, not completionFunction. [STRUCT-01] */
    FIELD(VDS_Command, completionRoutine, vdi_completion_routine, 32);
    FIELD(VDS_Command, completionContext, void *, 40);
    FIELD(VDS_Command, completionCode, int32_t, 48);
    FIELD(VDS_Command, bytesTransferred, int32_t, 52);
    /* void callback(VDS_Command *) [STRUCT-02] */
    CHECK(_Generic((vdi_completion_routine)NULL, void (*)(VDS_Command *): 1, default: 0));
}

/* The library's own structures, after vdi.h, begin with their size, so that they can grow. */
static void own_structures(void)
{
    FIELD(vdi_create_options, size, uint32_t, 0);
    CHECK_EQUAL(offsetof(vdi_create_options, reserved), 24);
    CHECK_EQUAL(sizeof(vdi_create_options), 40);
    FIELD(vdi_server_open_options, size, uint32_t, 0);
    CHECK_EQUAL(offsetof(vdi_server_open_options, reserved), 16);
    CHECK_EQUAL(sizeof(vdi_server_open_options), 32);
    /* Block size and alignment cannot be mistaken for each other: they have names. [AMB-18] */
    FIELD(vdi_server_parameters, size, uint32_t, 0);
    FIELD(vdi_server_parameters, features, uint32_t, 4);
    FIELD(vdi_server_parameters, blockSize, uint32_t, 8);
    FIELD(vdi_server_parameters, alignment, uint32_t, 12);
    FIELD(vdi_server_parameters, maxTransferSize, uint32_t, 16);
    FIELD(vdi_server_parameters, timeout, uint32_t, 20);
    CHECK_EQUAL(offsetof(vdi_server_parameters, reserved), 24);
    CHECK_EQUAL(sizeof(vdi_server_parameters), 32);
    CHECK_EQUAL(sizeof(vdi_result), 4);
    CHECK((vdi_result)-1 < 0);
}

static void run(void)
{
    config();
    client_command();
    server_command();
    own_structures();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
