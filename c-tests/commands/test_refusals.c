/*
 * The features decide which commands a device takes. What it does not take it refuses, and goes on
 * as if it had not been asked.
 */
#include "media/features.h"
#include "script.h"

static struct script script;
static struct drive *const drive = script.drives;

/* Rows and columns of the published table: pipe, tape, disk, removable disk. */
static const uint32_t styles[] = {VDF_LikePipe, VDF_LikeTape, VDF_LikeDisk,
                                  VDF_LikeDisk | VDF_Removable};
static const struct {
    int32_t command;
    char supported[5];
} table[] = {
    {VDC_ClearError, "XXXX"},      {VDC_Flush, "XXXX"},       {VDC_WriteMark, "-X--"},
    {VDC_SkipMarks, "-X--"},       {VDC_SkipBlocks, "-X--"},  {VDC_Rewind, "-X--"},
    {VDC_Load, "-X-X"},            {VDC_GetPosition, "-XXX"}, {VDC_SetPosition, "-XXX"},
    {VDC_Discard, "----"},         {VDC_Snapshot, "----"},    {VDC_MountSnapshot, "----"},
    {VDC_PrepareToFreeze, "----"}, {VDC_Complete, "----"},
    /* Undocumented and unknown ones. */
    {VDC_FileInfoBegin, "----"},   {VDC_FileInfoEnd, "----"}, {VDC_GetError, "----"},
    {0, "----"},                   {20, "----"},              {255, "----"},
    {-1, "----"},                  {INT32_MIN, "----"},       {INT32_MAX, "----"},
};
#define COMMANDS (sizeof table / sizeof *table)

static int32_t any_size(int32_t command, uint32_t features)
{
    /* Nothing that is beyond an end. */
    return features & VDF_RandomAccess && command == VDC_SetPosition ? VDC_Beginning : 0;
}

/* Sends a command that the device takes, as its features say. */
static void taken(int32_t command)
{
    uint32_t features = drive->config.features;
    int64_t place = 0;
    CHECK(features_allow(features, command));
    if (command == VDC_SetPosition)
        place = drive_command(drive, VDC_GetPosition, 0, 0, ERROR_SUCCESS);
    drive_command(drive, command, any_size(command, features), place, ERROR_SUCCESS);
}

/* The device refuses, is cleared, and nothing has moved. [FEAT-41, CMD-01, CMD-02] */
static void refused(int32_t command)
{
    CHECK(!features_allow(drive->config.features, command));
    CHECK_EQUAL(drive_send(drive, command, 1, 1).completionCode, ERROR_NOT_SUPPORTED);
    drive_clear_error(drive);
}

/*
 * Each style of device and each command; the mask that came through the library decides on both
 * sides. [FEAT-01, FEAT-02, FEAT-03, FEAT-04, FEAT-05, FEAT-21, FEAT-31, FEAT-40, FEAT-41]
 * [CMD-CLEAR-01, CMD-FINFO-01, CMD-GETERR-01]
 */
static void by_style(unsigned style)
{
    int64_t at = 0;
    struct media_client client = script_client(1, styles[style]);
    for (unsigned medium = 0; medium < 2; medium++)
        script_shelve(&client, 0, INT64_MAX, "style-%u.%u", style, medium);
    script_start(&script, &client, VDF_WriteMedia);
    CHECK_EQUAL(drive->config.features, styles[style] | VDF_WriteMedia);
    for (unsigned c = 0; c < COMMANDS; c++) {
        if (table[c].supported[style] == 'X')
            taken(table[c].command);
        else
            refused(table[c].command);
        drive_write_all(drive, (uint8_t)style, at, SCRIPT_BLOCK);
        at += SCRIPT_BLOCK;
    }
    script_end(&script);
}

/*
 * Every optional bit turns on its own commands and no other.
 * [FEAT-06, FEAT-20, FEAT-25, FEAT-30, AMB-19]
 */
static void one_bit_at_a_time(void)
{
    static const struct {
        uint32_t bit;
        int32_t command;
    } optional[] = {
        {VDF_Discard, VDC_Discard},
        {VDF_Removable, VDC_Load},
        {VDF_RequestComplete, VDC_Complete},
        {VDF_RandomAccess, VDC_GetPosition},
    };
    for (unsigned i = 0; i < 4; i++) {
        struct media_client client = script_client(1, optional[i].bit);
        script_shelve(&client, 0, INT64_MAX, "first");
        script_shelve(&client, 0, INT64_MAX, "second");
        script_start(&script, &client, VDF_WriteMedia);
        for (unsigned n = 0; n < 4; n++)
            if (n == i)
                taken(optional[n].command);
            else
                refused(optional[n].command);
        script_end(&script);
    }
}

/* Bits of which only names are known reach the server and turn on nothing. [FEAT-29, AMB-29] */
static void undocumented_bits(void)
{
    const uint32_t bits = VDF_EnumFrozenFiles | VDF_VSSWriter | VDF_LatchStats;
    struct media_client client = script_client(1, bits);
    script_shelve(&client, 0, INT64_MAX, "undocumented");
    script_start(&script, &client, VDF_WriteMedia);
    CHECK_EQUAL(drive->config.features, bits | VDF_WriteMedia);
    refused(VDC_FileInfoBegin);
    refused(VDC_FileInfoEnd);
    refused(VDC_GetError);
    drive_back_up(drive, 1, SCRIPT_TRANSFER);
    script_end(&script);
}

static void run(void)
{
    for (unsigned style = 0; style < 4; style++)
        by_style(style);
    one_bit_at_a_time();
    undocumented_bits();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {MEDIA_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
