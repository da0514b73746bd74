/*
 * Several media: the end of a medium while Writes are in flight, Load, and the same way back; once
 * with a warning zone and once without; for each style that can be removable. And Loads that fail.
 */
#include "script.h"

#define STREAM 5
#define ZONE (3u * SCRIPT_TRANSFER)
/* Room for a few transfers; no multiple of one. */
#define CAPACITY (5 * (int64_t)SCRIPT_TRANSFER + 3 * (int64_t)SCRIPT_BLOCK)
#define LENGTH (11 * (int64_t)SCRIPT_TRANSFER + (int64_t)SCRIPT_BLOCK)

static const uint32_t largest[] = {64, 0};
static struct script script;
static struct drive *const drive = script.drives;
static struct media_client client;

static void start(uint32_t direction)
{
    unique_name(client.name);
    script_start(&script, &client, direction);
    drive->sizes = largest;
}

static void prepare(const char *label, uint32_t features, uint32_t zone, unsigned media)
{
    client = script_client(1, features);
    client.config.EOMWarningSize = zone;
    for (unsigned i = 0; i < media; i++)
        script_shelve(&client, 0, CAPACITY, "%s-%u.%u", label, zone, i);
}

static int64_t stored_on(unsigned number)
{
    struct medium medium;
    medium_open(&medium, client.shelves[0].labels[number], INT64_MAX);
    int64_t length = medium.length;
    medium_close(&medium);
    return length;
}

/* A drive_write() or drive_read() that has sent all it can before the client fetches any of it. */
struct movement {
    int64_t (*move)(struct drive *, uint8_t, int64_t, int64_t, int32_t *);
    int64_t moved;
    int32_t end;
};

static vdi_result move_in_thread(void *argument)
{
    struct movement *movement = argument;
    movement->moved = movement->move(drive, STREAM, 0, LENGTH, &movement->end);
    return NOERROR;
}

static void move_while_client_is_late(struct movement *movement)
{
    struct caller caller;
    caller_start(&caller, move_in_thread, movement);
    tell(script.client, 0);
    CHECK_RESULT(caller_join(&caller), NOERROR);
}

/*
 * The client has three Writes when the second of them reaches the end; more may be queued. What the
 * client has is stored as far as there is room and comes back with its own counts, what is queued
 * comes back with nothing. [EOM-04, EOM-05, EOM-06, EOM-08, CMD-WRITE-05, AMB-34]
 */
static void end_with_writes_in_flight(uint32_t zone)
{
    int64_t room = zone ? ZONE + SCRIPT_TRANSFER : SCRIPT_TRANSFER + 3 * SCRIPT_BLOCK;
    struct movement writes = {.move = drive_write};
    client.gather = 3;
    client.late = 1;
    client.shelves[0].capacity = room;
    start(VDF_WriteMedia);
    CHECK_EQUAL(drive->config.EOMWarningSize, zone);
    move_while_client_is_late(&writes);
    CHECK_EQUAL(writes.end, ERROR_END_OF_MEDIA);
    /* The second comes with a warning and whole, so does the third; or it is short. */
    CHECK_EQUAL(writes.moved, zone ? ZONE : room);
    CHECK_EQUAL(stored_on(0), writes.moved);
    CHECK_EQUAL(drive->codes[0], ERROR_SUCCESS);
    CHECK_EQUAL(drive->codes[1], ERROR_END_OF_MEDIA);
    CHECK_EQUAL(drive->codes[2], ERROR_END_OF_MEDIA);
    if (zone == 0)
        CHECK_EQUAL(drive->codes[3], ERROR_IO_DEVICE);
    drive_clear_error(drive);
    drive_do(drive, VDC_Discard);
    script_end(&script);
    client.late = 0;
}

/* The whole backup on several media, and all of it back. [EOM-02, CMD-LOAD-01, CMD-LOAD-03] */
static void there_and_back(uint32_t zone)
{
    static const uint32_t other[] = {9, 33, 64, 1, 0};
    client.shelves[0].capacity = CAPACITY;
    client.gather = 0;
    start(VDF_WriteMedia);
    unsigned loads = drive_back_up(drive, STREAM, LENGTH);
    CHECK_EQUAL(loads >= 2, 1);
    script_end(&script);
    int64_t stored = 0;
    for (unsigned i = 0; i <= loads; i++) {
        CHECK(stored_on(i) > 0 && stored_on(i) <= CAPACITY);
        CHECK(zone != 0 || i == loads || stored_on(i) == CAPACITY);
        stored += stored_on(i);
    }
    CHECK_EQUAL(stored, LENGTH);
    for (unsigned gather = 0; gather <= 3; gather += 3) {
        client.gather = gather;
        start(VDF_ReadMedia);
        drive->sizes = gather ? largest : other;
        CHECK_EQUAL(drive_restore(drive, STREAM, LENGTH), loads);
        script_end(&script);
    }
}

/*
 * The client has three Reads when the second of them meets the end of a medium: the third brings
 * nothing from behind it, a queued one comes back. [EOM-02, CMD-READ-04, AMB-34]
 */
static void end_with_reads_in_flight(void)
{
    const int64_t room = SCRIPT_TRANSFER + 3 * SCRIPT_BLOCK;
    struct movement reads = {.move = drive_read};
    client.shelves[0].capacity = room;
    client.gather = 0;
    start(VDF_WriteMedia);
    CHECK_EQUAL(drive_back_up(drive, STREAM, 2 * SCRIPT_TRANSFER), 1);
    script_end(&script);

    client.gather = 3;
    client.late = 1;
    start(VDF_ReadMedia);
    move_while_client_is_late(&reads);
    CHECK_EQUAL(reads.moved, room);
    CHECK(reads.end == ERROR_HANDLE_EOF || reads.end == ERROR_NO_DATA_DETECTED);
    CHECK_EQUAL(drive->codes[0], ERROR_SUCCESS);
    CHECK_EQUAL(drive->codes[1], reads.end);
    CHECK_EQUAL(drive->codes[2], reads.end);
    CHECK_EQUAL(drive->codes[3], ERROR_IO_DEVICE);
    drive_clear_error(drive);
    drive_do(drive, VDC_Load);
    drive->offset = 0;
    drive_read_all(drive, STREAM, room, 2 * SCRIPT_TRANSFER - room);
    script_end(&script);
    client.late = 0;
}

/* There is no further medium: the last one is full, and Load fails. [CMD-LOAD-05, CMD-WRITE-04] */
static void no_more_media(int32_t full)
{
    int32_t end;
    client.shelves[0].media = 1;
    client.shelves[0].capacity = CAPACITY;
    client.gather = 0;
    client.config.EOMWarningSize = 0;
    start(VDF_WriteMedia);
    CHECK_EQUAL(drive_write(drive, STREAM, 0, LENGTH, &end), CAPACITY);
    CHECK_EQUAL(end, full);
    drive_clear_error(drive);
    for (int32_t size = -1; size < 2; size++) /* a size means nothing to it [CMD-LOAD-02] */
        drive_command(drive, VDC_Load, size, 0, ERROR_NO_MEDIA_IN_DRIVE);
    script_give_up(&script);
}

static void use_media(const char *label, uint32_t features, uint32_t zone, int32_t full)
{
    prepare(label, features | VDF_Discard, zone, 4);
    end_with_writes_in_flight(zone);
    there_and_back(zone);
    if (zone == 0)
        end_with_reads_in_flight();
    no_more_media(full);
}

static void run(void)
{
    for (uint32_t zone = 0; zone <= ZONE; zone += ZONE) {
        use_media("tape", VDF_LikeTape, zone, ERROR_EOM_OVERFLOW);
        use_media("disk", VDF_LikeDisk | VDF_Removable, zone, ERROR_DISK_FULL);
        use_media("pipe", VDF_LikePipe | VDF_Removable, zone, ERROR_DISK_FULL);
    }
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {MEDIA_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
