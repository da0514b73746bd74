/* Every number of section 2 of the specification, and its name where the library knows one. */
#include "harness.h"

static void result_codes(void)
{
    static const struct {
        uint32_t published;
        vdi_result value;
        const char *name;
    } codes[] = {
        {0x00000000, NOERROR, "NOERROR"}, /* [RC-00] */
        {0x80770002, VD_E_NOTOPEN, "VD_E_NOTOPEN"}, /* [RC-02] */
        {0x80770003, VD_E_TIMEOUT, "VD_E_TIMEOUT"}, /* [RC-03] */
        {0x80770004, VD_E_ABORT, "VD_E_ABORT"}, /* [RC-04] */
        {0x80770005, VD_E_SECURITY, "VD_E_SECURITY"}, /* [RC-05] */
        {0x80770006, VD_E_INVALID, "VD_E_INVALID"}, /* [RC-06] */
        {0x80770007, VD_E_INSTANCE_NAME, "VD_E_INSTANCE_NAME"}, /* [RC-07] */
        {0x80770009, VD_E_NOTSUPPORTED, "VD_E_NOTSUPPORTED"}, /* [RC-09] */
        {0x8077000A, VD_E_MEMORY, "VD_E_MEMORY"}, /* [RC-0A] */
        {0x8077000B, VD_E_UNEXPECTED, "VD_E_UNEXPECTED"}, /* [RC-0B] */
        {0x8077000C, VD_E_PROTOCOL, "VD_E_PROTOCOL"}, /* [RC-0C] */
        {0x8077000D, VD_E_OPEN, "VD_E_OPEN"}, /* [RC-0D] */
        {0x8077000E, VD_E_CLOSE, "VD_E_CLOSE"}, /* [RC-0E] */
        {0x8077000F, VD_E_BUSY, "VD_E_BUSY"}, /* [RC-0F] */
        {0x80770010, VD_E_QUEUE_FULL, "VD_E_QUEUE_FULL"}, /* [RC-21] */
        {0x80770011, VD_E_IO_ERROR, "VD_E_IO_ERROR"}, /* [RC-21] */
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        CHECK_EQUAL((uint32_t)codes[i].value, codes[i].published);
        CHECK_TEXT(vdi_result_name(codes[i].value), codes[i].name);
        /* On Linux a result is an int, and every failure is negative. */
        CHECK(codes[i].published == 0 || codes[i].value < 0);
    }
    /* Codes 1 and 8 are not defined [RC-20]; and numbers of other spaces have no name here. */
    const vdi_result unknown[] = {1, -1, 995, INT32_MIN, VD_E_NOTOPEN - 1, VD_E_INSTANCE_NAME + 1};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        CHECK_TEXT(vdi_result_name(unknown[i]), "unknown result");
}

static void completion_codes(void)
{
    CHECK_EQUAL(ERROR_SUCCESS, 0); /* [CC-01] */
    CHECK_EQUAL(ERROR_INVALID_HANDLE, 6); /* [CC-02] */
    CHECK_EQUAL(ERROR_ARENA_TRASHED, 7); /* [CC-03] */
    CHECK_EQUAL(ERROR_HANDLE_EOF, 38); /* [CC-04] */
    CHECK_EQUAL(ERROR_HANDLE_DISK_FULL, 39); /* [CC-05] */
    CHECK_EQUAL(ERROR_NOT_SUPPORTED, 50); /* [CC-06] */
    CHECK_EQUAL(ERROR_INVALID_PARAMETER, 87); /* [CC-07] */
    CHECK_EQUAL(ERROR_DISK_FULL, 112); /* [CC-08] */
    CHECK_EQUAL(ERROR_OPERATION_ABORTED, 995); /* [CC-09] */
    CHECK_EQUAL(ERROR_END_OF_MEDIA, 1100); /* [CC-10] */
    CHECK_EQUAL(ERROR_FILEMARK_DETECTED, 1101); /* [CC-11] */
    CHECK_EQUAL(ERROR_BEGINNING_OF_MEDIA, 1102); /* [CC-12] */
    CHECK_EQUAL(ERROR_SETMARK_DETECTED, 1103); /* [CC-13] */
    CHECK_EQUAL(ERROR_NO_DATA_DETECTED, 1104); /* [CC-14] */
    CHECK_EQUAL(ERROR_INVALID_BLOCK_LENGTH, 1106); /* [CC-15] */
    CHECK_EQUAL(ERROR_UNABLE_TO_LOCK_MEDIA, 1108); /* [CC-16] */
    CHECK_EQUAL(ERROR_UNABLE_TO_UNLOAD_MEDIA, 1109); /* [CC-17] */
    CHECK_EQUAL(ERROR_MEDIA_CHANGED, 1110); /* [CC-18] */
    CHECK_EQUAL(ERROR_BUS_RESET, 1111); /* [CC-19] */
    CHECK_EQUAL(ERROR_NO_MEDIA_IN_DRIVE, 1112); /* [CC-20] */
    CHECK_EQUAL(ERROR_IO_DEVICE, 1117); /* [CC-21] */
    CHECK_EQUAL(ERROR_EOM_OVERFLOW, 1129); /* [CC-22] */
    CHECK_EQUAL(ERROR_NO_SYSTEM_RESOURCES, 1450); /* [CC-23] */
}

static void features(void)
{
    CHECK_EQUAL(VDF_LikePipe, 0x00000000); /* [FV-01] */
    CHECK_EQUAL(VDF_Removable, 0x00000001); /* [FV-02] */
    CHECK_EQUAL(VDF_Rewind, 0x00000002); /* [FV-03] */
    CHECK_EQUAL(VDF_Position, 0x00000010); /* [FV-04] */
    CHECK_EQUAL(VDF_SkipBlocks, 0x00000020); /* [FV-05] */
    CHECK_EQUAL(VDF_ReversePosition, 0x00000040); /* [FV-06] */
    CHECK_EQUAL(VDF_Discard, 0x00000080); /* [FV-07] */
    CHECK_EQUAL(VDF_FileMarks, 0x00000100); /* [FV-08] */
    CHECK_EQUAL(VDF_RandomAccess, 0x00000200); /* [FV-09] */
    CHECK_EQUAL(VDF_SnapshotPrepare, 0x00000400); /* [FV-10] */
    CHECK_EQUAL(VDF_EnumFrozenFiles, 0x00000800); /* [FV-11] */
    CHECK_EQUAL(VDF_VSSWriter, 0x00001000); /* [FV-12] */
    CHECK_EQUAL(VDF_RequestComplete, 0x00002000); /* [FV-13] */
    CHECK_EQUAL(VDF_WriteMedia, 0x00010000); /* [FV-14] */
    CHECK_EQUAL(VDF_ReadMedia, 0x00020000); /* [FV-15] */
    CHECK_EQUAL(VDF_CompleteEnabled, 0x00040000); /* [FV-16] */
    CHECK_EQUAL(VDF_LatchStats, 0x80000000); /* [FV-17] */
    CHECK_EQUAL(VDF_LikeTape, 0x00000173); /* [FV-18] */
    CHECK_EQUAL(VDF_LikeDisk, 0x00000200); /* [FV-19] */
    CHECK_EQUAL(VDF_LikeTape, VDF_FileMarks | VDF_Removable | VDF_Rewind | VDF_Position |
                                  VDF_SkipBlocks | VDF_ReversePosition);
}

/* The table of section 2.4. */
static void commands(void)
{
    static const struct {
        int32_t value;
        const char *name;
    } codes[] = {
        {VDC_Read, "VDC_Read"},
        {VDC_Write, "VDC_Write"},
        {VDC_ClearError, "VDC_ClearError"},
        {VDC_Rewind, "VDC_Rewind"},
        {VDC_WriteMark, "VDC_WriteMark"},
        {VDC_SkipMarks, "VDC_SkipMarks"},
        {VDC_SkipBlocks, "VDC_SkipBlocks"},
        {VDC_Load, "VDC_Load"},
        {VDC_GetPosition, "VDC_GetPosition"},
        {VDC_SetPosition, "VDC_SetPosition"},
        {VDC_Discard, "VDC_Discard"},
        {VDC_Flush, "VDC_Flush"},
        {VDC_Snapshot, "VDC_Snapshot"},
        {VDC_MountSnapshot, "VDC_MountSnapshot"},
        {VDC_PrepareToFreeze, "VDC_PrepareToFreeze"},
        {VDC_FileInfoBegin, "VDC_FileInfoBegin"},
        {VDC_FileInfoEnd, "VDC_FileInfoEnd"},
        {VDC_GetError, "VDC_GetError"}, /* 18 [CV-01] */
        {VDC_Complete, "VDC_Complete"}, /* 19 [CV-01] */
    };
    /* The table is in the order of the published values, which begin with 1. */
    CHECK_EQUAL(sizeof codes / sizeof codes[0], 19);
    for (int i = 0; i < 19; i++) {
        CHECK_EQUAL(codes[i].value, i + 1);
        CHECK_TEXT(vdi_command_name(i + 1), codes[i].name);
    }
    /* There is no command 0. [CV-02] */
    const int32_t unknown[] = {0, 20, -1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        CHECK_TEXT(vdi_command_name(unknown[i]), "unknown command");
    CHECK_EQUAL(VDC_Beginning, 0);
    CHECK_EQUAL(VDC_Current, 1);
    CHECK_EQUAL(VDC_End, 2);
}

/* The numbers only; that the library keeps to them is shown where it uses them. */
static void limits(void)
{
    CHECK_EQUAL(VDI_MAX_DEVICES, 64);
    CHECK_EQUAL(VDI_MIN_BLOCK_SIZE, 512);
    CHECK_EQUAL(VDI_MAX_BLOCK_SIZE, 65536);
    CHECK_EQUAL(VDI_MAX_ALIGNMENT, 65536);
    CHECK_EQUAL(VDI_TRANSFER_UNIT, 65536);
    CHECK_EQUAL(VDI_MAX_TRANSFER_SIZE, 4194304);
    CHECK_EQUAL(VDI_INFINITE, 0xFFFFFFFF); /* [LIM-05] */
    CHECK_EQUAL(VDI_QUEUE_CAPACITY, 64);
    CHECK_EQUAL(VDI_MAX_PREFIX_ZONE, 1 << 20);
    CHECK_EQUAL(VDI_MAX_NAME, 255);
    CHECK_EQUAL(VDI_IO_DEPTH, 4);
}

static void version(void)
{
    CHECK_EQUAL(vdi_version(),
                VDI_VERSION_MAJOR << 16 | VDI_VERSION_MINOR << 8 | VDI_VERSION_PATCH);
}

static void run(void)
{
    result_codes();
    completion_codes();
    features();
    commands();
    limits();
    version();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
