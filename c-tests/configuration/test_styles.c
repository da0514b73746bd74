/*
 * Positioning styles: every subset of the positioning features with and without changeable media,
 * strict and lenient; what may be added to a style; and a disk-like set at work.
 */
#include "engine.h"
#include "roles.h"

#define SIZE 65536

static char name[NAME_SIZE];

static const vdi_create_options lenient = {.size = sizeof lenient, .flags = VDI_CREATE_LENIENT};

/* The features that make up a style, and the one that a style may have or not. */
static const uint32_t bits[] = {0x1 /* Removable */,       0x2 /* Rewind */,
                                0x10 /* Position */,       0x20 /* SkipBlocks */,
                                0x40 /* ReversePosition */, 0x100 /* FileMarks */,
                                0x200 /* RandomAccess */};
#define BITS (sizeof bits / sizeof *bits)

/* Pipe, removable pipe, tape, disk, removable disk: nothing else is a style. */
static const uint32_t styles[] = {0x000, 0x001, 0x173, 0x200, 0x201};
#define STYLES (sizeof styles / sizeof *styles)

static int is_style(uint32_t features)
{
    for (unsigned s = 0; s < STYLES; s++)
        if (styles[s] == features)
            return 1;
    return 0;
}

/* Create says `wanted`; what it accepts reaches the server unchanged, without the server's bits. */
static void create(uint32_t features, const vdi_create_options *options, vdi_result wanted)
{
    const VDConfig config = {.deviceCount = 1, .features = features};
    vdi_set *set;
    CHECK_RESULT(vdi_create(NULL, name, &config, options, &set), wanted);
    if (wanted != NOERROR)
        return;
    vdi_server *server;
    VDConfig seen;
    CHECK_RESULT(vdi_server_open(NULL, name, &server), NOERROR);
    CHECK_RESULT(vdi_server_get_configuration(server, &seen), NOERROR);
    CHECK_EQUAL(seen.features, features & ~0x70000u);
    CHECK_RESULT(vdi_server_close(server), NOERROR);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

/* [AMB-11, FEAT-02, FEAT-03, FEAT-04, FEAT-05, FEAT-08, CFG-21, CFG-28] */
static void every_subset(void)
{
    for (uint32_t subset = 0; subset < 1u << BITS; subset++) {
        uint32_t features = 0;
        for (unsigned bit = 0; bit < BITS; bit++)
            if (subset & 1u << bit)
                features |= bits[bit];
        create(features, NULL, is_style(features) ? NOERROR : VD_E_NOTSUPPORTED);
        create(features, &lenient, NOERROR);
    }
}

/*
 * Every other bit may be added to every style, one by one and all together: Discard, the snapshot
 * and completion requests, the undocumented ones, and those that nobody knows; the bits of the
 * server are dropped. [FEAT-06, FEAT-07, FEAT-09, FEAT-10, FEAT-29, AMB-29]
 */
static void additions(void)
{
    uint32_t positioning = 0;
    for (unsigned bit = 0; bit < BITS; bit++)
        positioning |= bits[bit];
    for (unsigned s = 0; s < STYLES; s++) {
        for (unsigned bit = 0; bit < 32; bit++)
            if (!(positioning & 1u << bit))
                create(styles[s] | 1u << bit, NULL, NOERROR);
        create(styles[s] | ~positioning, NULL, NOERROR);
    }
    /* They do not make a style of what is none. */
    create((0x173 & ~0x1u) | ~positioning, NULL, VD_E_NOTSUPPORTED);
    create(0x2 | ~positioning, NULL, VD_E_NOTSUPPORTED);
}

/* A disk-like set takes writes at any offset, in any order. [AMB-45] */
static void disk(void)
{
    static const int64_t offsets[] = {0, SIZE, (int64_t)1 << 40, 512, INT64_MAX - SIZE};
    const VDConfig config = {.deviceCount = 1, .features = VDF_LikeDisk};
    struct engine engine;
    struct journal *journal = &(struct journal)JOURNAL_INITIALIZER;
    VDS_Command command;
    vdi_set *set;
    vdi_device *device;
    CHECK_RESULT(vdi_create(NULL, name, &config, NULL, &set), NOERROR);
    engine_open(&engine, name, 1, SIZE, 1);
    CHECK_RESULT(vdi_open_device(set, name, &device), NOERROR);
    uint8_t *buffer = engine_buffer(&engine, SIZE);
    for (unsigned i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        VDC_Command *got;
        command_prepare(&command, journal, VDC_Write, buffer, SIZE);
        command.inPosition = offsets[i];
        CHECK_RESULT(vdi_server_send_command(engine.devices[0], &command), NOERROR);
        CHECK_RESULT(vdi_get_command(device, VDI_INFINITE, &got), NOERROR);
        CHECK_EQUAL(got->position, offsets[i]);
        CHECK_RESULT(vdi_complete_command(device, got, ERROR_SUCCESS, SIZE, 0), NOERROR);
        CHECK_JOURNAL(journal, i, &command, ERROR_SUCCESS);
    }
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

static void run(void)
{
    unique_name(name);
    every_subset();
    additions();
    disk();
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
