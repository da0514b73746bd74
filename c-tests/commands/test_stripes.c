/*
 * Streams on 1, 2 and 4 devices at a time, backed up with one style of devices and restored with
 * another one, on other devices than before, and on fewer devices.
 */
#include "script.h"

#define LENGTH(stripe) ((200 + 37 * (int64_t)(stripe)) * SCRIPT_BLOCK)

static struct script script;

struct style {
    const char *name;
    uint32_t features;
};

static const struct style styles[] = {
    {"pipe", VDF_LikePipe},
    {"tape", VDF_LikeTape},
    {"disk", VDF_LikeDisk},
    {"removable", VDF_LikeDisk | VDF_Removable},
};
#define STYLES (sizeof styles / sizeof *styles)

/* One stripe of a statement, in a thread of its own. */
struct stripe {
    pthread_t thread;
    struct drive *drive;
    unsigned number;
};

static void *back_up(void *argument)
{
    struct stripe *stripe = argument;
    CHECK_EQUAL(drive_back_up(stripe->drive, (uint8_t)stripe->number, LENGTH(stripe->number)), 0);
    return NULL;
}

static void *restore(void *argument)
{
    static const uint32_t sizes[] = {1, 50, 64, 3, 0};
    struct stripe *stripe = argument;
    stripe->drive->sizes = sizes;
    CHECK_EQUAL(drive_restore(stripe->drive, (uint8_t)stripe->number, LENGTH(stripe->number)), 0);
    /* Nothing follows. */
    int32_t end = stripe->drive->config.features & VDF_FileMarks ? ERROR_NO_DATA_DETECTED
                                                                 : ERROR_HANDLE_EOF;
    drive_read_nothing(stripe->drive, end);
    return NULL;
}

/* Device k carries stripe (k + shift) modulo their number. [DATA-04] */
static void statement(const char *media, uint32_t features, unsigned count, unsigned shift,
                      uint32_t direction, void *(*work)(void *))
{
    struct stripe stripes[MEDIA_DEVICES];
    struct media_client client = script_client(count, features);
    for (unsigned i = 0; i < count; i++)
        script_shelve(&client, i, INT64_MAX, "%s-%u.%u", media, count, (i + shift) % count);
    script_start(&script, &client, direction);
    for (unsigned i = 0; i < count; i++) {
        stripes[i].drive = &script.drives[i];
        stripes[i].number = (i + shift) % count;
        CHECK(pthread_create(&stripes[i].thread, NULL, work, &stripes[i]) == 0);
    }
    for (unsigned i = 0; i < count; i++)
        CHECK(pthread_join(stripes[i].thread, NULL) == 0);
    script_end(&script);
}

/*
 * Every style writes what every style reads, stripe by stripe.
 * [DATA-01, DATA-02, DATA-03, DATA-06, MOD-05, MOD-06]
 */
static void pairings(unsigned count)
{
    for (unsigned from = 0; from < STYLES; from++) {
        const char *media = styles[from].name;
        statement(media, styles[from].features, count, 0, VDF_WriteMedia, back_up);
        for (unsigned to = 0; to < STYLES; to++)
            statement(media, styles[to].features, count, to, VDF_ReadMedia, restore);
    }
}

/* Four stripes come back on one device, one medium after the other. [REM-01, FEAT-20] */
static void on_one_device(void)
{
    struct media_client client = script_client(1, VDF_LikeTape);
    for (unsigned i = 0; i < MEDIA_DEVICES; i++)
        script_shelve(&client, 0, INT64_MAX, "tape-%u.%u", MEDIA_DEVICES, i);
    script_start(&script, &client, VDF_ReadMedia);
    for (unsigned i = 0; i < MEDIA_DEVICES; i++) {
        drive_read_all(script.drives, (uint8_t)i, 0, LENGTH(i));
        drive_read_nothing(script.drives, ERROR_NO_DATA_DETECTED);
        if (i < MEDIA_DEVICES - 1)
            drive_do(script.drives, VDC_Load);
    }
    drive_command(script.drives, VDC_Load, 0, 0, ERROR_NO_MEDIA_IN_DRIVE);
    script_end(&script);
}

static void run(void)
{
    pairings(1);
    pairings(2);
    pairings(4);
    on_one_device();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {MEDIA_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
