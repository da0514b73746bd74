/*
 * Creating and closing a set: every limit of the configuration and of the options at its edge and
 * one beyond.
 */
#include "harness.h"

#include <string.h>

static char name[NAME_SIZE];

static vdi_set *const stale = (vdi_set *)0x10;

/* The call fails with `wanted`, gives no handle, and leaves the name free. [CSET-CREATE-10] */
static void refused(const VDConfig *config, const vdi_create_options *options, vdi_result wanted,
                    const char *word)
{
    vdi_set *set = stale;
    CHECK_RESULT(vdi_create(NULL, name, config, options, &set), wanted);
    CHECK(set == NULL);
    CHECK_CONTAINS(vdi_last_error_message(), "vdi_create");
    CHECK_CONTAINS(vdi_last_error_message(), word);
}

static void accepted(const VDConfig *config, const vdi_create_options *options)
{
    vdi_set *set = NULL;
    CHECK_RESULT(vdi_create(NULL, name, config, options, &set), NOERROR);
    CHECK(set != NULL);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* [CFG-20, CFG-28, LIM-01, AMB-11, MOD-04, CSET-CREATE-03] */
static void device_counts(void)
{
    for (uint32_t count = 1; count <= VDI_MAX_DEVICES; count++)
        accepted(&(VDConfig){.deviceCount = count}, NULL);
    static const uint32_t bad[] = {0, VDI_MAX_DEVICES + 1, 256, UINT32_MAX};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(&(VDConfig){.deviceCount = bad[i]}, NULL, VD_E_NOTSUPPORTED, "deviceCount");
}

/* Positioning is that of a pipe, a tape or a disk; the rest is free. [AMB-11] */
static void features(void)
{
    static const uint32_t styles[] = {VDF_LikePipe, VDF_Removable, VDF_LikeTape, VDF_LikeDisk,
                                      VDF_LikeDisk | VDF_Removable};
    static const uint32_t additions[] = {0,
                                         VDF_Discard,
                                         VDF_SnapshotPrepare,
                                         VDF_EnumFrozenFiles,
                                         VDF_VSSWriter,
                                         VDF_RequestComplete,
                                         VDF_LatchStats,
                                         VDF_WriteMedia | VDF_ReadMedia | VDF_CompleteEnabled,
                                         1u << 2 | 1u << 3 | 1u << 14 | 1u << 25};
    for (unsigned s = 0; s < sizeof styles / sizeof *styles; s++)
        for (unsigned a = 0; a < sizeof additions / sizeof *additions; a++)
            accepted(&(VDConfig){.deviceCount = 1, .features = styles[s] | additions[a]}, NULL);

    static const uint32_t tape[] = {VDF_FileMarks, VDF_Removable, VDF_Rewind,
                                    VDF_Position,  VDF_SkipBlocks, VDF_ReversePosition};
    static const vdi_create_options lenient = {.size = sizeof lenient, .flags = VDI_CREATE_LENIENT};
    for (unsigned i = 0; i < sizeof tape / sizeof *tape; i++) {
        VDConfig less = {.deviceCount = 1, .features = VDF_LikeTape & ~tape[i]};
        refused(&less, NULL, VD_E_NOTSUPPORTED, "features");
        accepted(&less, &lenient);
        VDConfig alone = {.deviceCount = 1, .features = tape[i]};
        if (tape[i] != VDF_Removable)
            refused(&alone, NULL, VD_E_NOTSUPPORTED, "features");
        accepted(&alone, &lenient);
        if (tape[i] != VDF_Removable)
            refused(&(VDConfig){.deviceCount = 1, .features = tape[i] | VDF_RandomAccess}, NULL,
                    VD_E_NOTSUPPORTED, "features");
    }
    refused(&(VDConfig){.deviceCount = 1, .features = VDF_LikeTape | VDF_LikeDisk}, NULL,
            VD_E_NOTSUPPORTED, "features");
    /* Lenient about positioning, not about the rest. */
    refused(&(VDConfig){.deviceCount = 0}, &lenient, VD_E_NOTSUPPORTED, "deviceCount");
}

/* [CFG-22, CFG-23, AMB-11] */
static void sizes(void)
{
    static const uint32_t alignments[] = {0, 1, 2, 512, 4096, VDI_MAX_ALIGNMENT};
    for (unsigned i = 0; i < sizeof alignments / sizeof *alignments; i++)
        accepted(&(VDConfig){.deviceCount = 1, .alignment = alignments[i]}, NULL);
    static const uint32_t crooked[] = {3, 511, 4097, 65535, 2 * VDI_MAX_ALIGNMENT, 1u << 31,
                                       UINT32_MAX};
    for (unsigned i = 0; i < sizeof crooked / sizeof *crooked; i++)
        refused(&(VDConfig){.deviceCount = 1, .alignment = crooked[i]}, NULL, VD_E_NOTSUPPORTED,
                "alignment");
    static const uint32_t zones[] = {1, 77, 4096, VDI_MAX_PREFIX_ZONE};
    for (unsigned i = 0; i < sizeof zones / sizeof *zones; i++)
        accepted(&(VDConfig){.deviceCount = 1, .prefixZoneSize = zones[i]}, NULL);
    refused(&(VDConfig){.deviceCount = 1, .prefixZoneSize = VDI_MAX_PREFIX_ZONE + 1}, NULL,
            VD_E_NOTSUPPORTED, "prefixZoneSize");
    refused(&(VDConfig){.deviceCount = 1, .prefixZoneSize = UINT32_MAX}, NULL, VD_E_NOTSUPPORTED,
            "prefixZoneSize");
    /* Fields without a rule, and those that only the server sets. [CFG-27] */
    accepted(&(VDConfig){.deviceCount = 1,
                         .softFileMarkBlockSize = UINT32_MAX,
                         .EOMWarningSize = UINT32_MAX,
                         .serverTimeOut = UINT32_MAX,
                         .blockSize = 1,
                         .maxIODepth = UINT32_MAX,
                         .maxTransferSize = 3,
                         .bufferAreaSize = 5},
             NULL);
}

static void options(void)
{
    const VDConfig one = {.deviceCount = 1};
    static const uint32_t unknown_sizes[] = {0, 1, sizeof(vdi_create_options) - 1, UINT32_MAX};
    for (unsigned i = 0; i < sizeof unknown_sizes / sizeof *unknown_sizes; i++)
        refused(&one, &(vdi_create_options){.size = unknown_sizes[i]}, VD_E_INVALID, "size");
    for (unsigned bit = 3; bit < 32; bit++) {
        vdi_create_options unknown = {.size = sizeof unknown, .flags = 1u << bit};
        refused(&one, &unknown, VD_E_INVALID, "flags");
    }
    for (unsigned word = 0; word < 4; word++) {
        vdi_create_options reserved = {.size = sizeof reserved};
        reserved.reserved[word] = 1;
        refused(&one, &reserved, VD_E_INVALID, "reserved");
    }
    static const uint32_t bad_capacities[] = {1, 32, 63, 65, 96, 127, 8192, UINT32_MAX};
    for (unsigned i = 0; i < sizeof bad_capacities / sizeof *bad_capacities; i++) {
        vdi_create_options bad = {.size = sizeof bad, .queueCapacity = bad_capacities[i]};
        refused(&one, &bad, VD_E_INVALID, "queueCapacity");
    }
    /* The product of capacity and devices is limited. [AMB-09] */
    static const struct {
        uint32_t devices, capacity;
        int good;
    } products[] = {{1, 0, 1},     {1, 64, 1},     {1, 128, 1}, {1, 4096, 1}, {2, 4096, 0},
                    {2, 2048, 1},  {64, 64, 1},    {64, 128, 0}, {33, 128, 0}, {32, 128, 1}};
    for (unsigned i = 0; i < sizeof products / sizeof *products; i++) {
        VDConfig config = {.deviceCount = products[i].devices};
        vdi_create_options capacity = {.size = sizeof capacity,
                                       .queueCapacity = products[i].capacity};
        if (products[i].good)
            accepted(&config, &capacity);
        else
            refused(&config, &capacity, VD_E_INVALID, "queueCapacity");
    }
    accepted(&one, &(vdi_create_options){.size = sizeof(vdi_create_options), .nameWait = 1});
    accepted(&one, &(vdi_create_options){.size = sizeof(vdi_create_options), .nameWait = 3600000});
    refused(&one, &(vdi_create_options){.size = sizeof(vdi_create_options), .nameWait = 3600001},
            VD_E_INVALID, "nameWait");
}

static void pointers(void)
{
    const VDConfig one = {.deviceCount = 1};
    vdi_set *set = stale;
    CHECK_RESULT(vdi_create(NULL, NULL, &one, NULL, &set), VD_E_INVALID);
    CHECK(set == NULL);
    set = stale;
    CHECK_RESULT(vdi_create(NULL, name, NULL, NULL, &set), VD_E_INVALID);
    CHECK(set == NULL);
    CHECK_RESULT(vdi_create(NULL, name, &one, NULL, NULL), VD_E_INVALID);

    /* Room for each structure, one byte off. */
    _Alignas(16) char room[128] = {0};
    CHECK_RESULT(vdi_create(NULL, name, (VDConfig *)(void *)(room + 1), NULL, &set), VD_E_INVALID);
    CHECK_RESULT(vdi_create(NULL, name, &one, (vdi_create_options *)(void *)(room + 2), &set),
                 VD_E_INVALID);
    CHECK_RESULT(vdi_create(NULL, name, &one, NULL, (vdi_set **)(void *)(room + 4)), VD_E_INVALID);
    for (unsigned i = 0; i < sizeof room; i++)
        CHECK(room[i] == 0);
    accepted(&one, NULL);
}

/* The name is in use while the set lives, aborted or not, and free afterwards. [CSET-CREATE-04] */
static void lifetime(void)
{
    const VDConfig one = {.deviceCount = 1};
    vdi_set *set = client_create(name, 1);
    refused(&one, NULL, VD_E_PROTOCOL, name);
    CHECK_RESULT(vdi_signal_abort(set, NULL), NOERROR);
    refused(&one, NULL, VD_E_PROTOCOL, name);
    CHECK_RESULT(vdi_close(set), NOERROR);
    CHECK_RESULT(vdi_close(set), VD_E_PROTOCOL); /* [CSET-CLOSE-02] */
    CHECK_RESULT(vdi_close(NULL), VD_E_PROTOCOL);
    for (int again = 0; again < 50; again++) {
        vdi_set *next = client_create(name, 1);
        CHECK_RESULT(vdi_close(set), VD_E_PROTOCOL);
        CHECK_RESULT(vdi_close(next), NOERROR);
    }
}

/* Create reads the configuration during the call. [CSET-CREATE-07] */
static void configuration_is_copied(void)
{
    VDConfig config = {.deviceCount = 3, .EOMWarningSize = 17};
    vdi_set *set;
    CHECK_RESULT(vdi_create("", name, &config, NULL, &set), NOERROR);
    memset(&config, 0xff, sizeof config);
    vdi_server *server;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_get_configuration(server, &config), NOERROR);
    CHECK_EQUAL(config.deviceCount, 3);
    CHECK_EQUAL(config.EOMWarningSize, 17);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    unique_name(name);
    device_counts();
    features();
    sizes();
    options();
    pointers();
    lifetime();
    configuration_is_copied();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
