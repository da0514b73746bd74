/*
 * A pipe-like device: a backup with several Flushes and Complete, a restore with other transfer
 * sizes, a full disk that the client reports, Discard.
 */
#include "script.h"

#define BLOCKS(n) ((int64_t)(n) * SCRIPT_BLOCK)
#define STREAM 3
#define LENGTH BLOCKS(777)

static struct script script;
static struct drive *const pipe_drive = script.drives;
static struct media_client client;

static void start(uint32_t direction)
{
    unique_name(client.name);
    script_start(&script, &client, direction);
}

/* Writes, with Flushes between them; Complete is the last command. [CMD-FLUSH-03, CMD-WRITE-01] */
static void back_up(void)
{
    start(VDF_WriteMedia);
    for (int64_t at = 0; at < LENGTH; at += BLOCKS(111)) {
        drive_write_all(pipe_drive, STREAM, at, BLOCKS(111));
        drive_do(pipe_drive, VDC_Flush);
    }
    drive_do(pipe_drive, VDC_Complete);
    script_end(&script);
}

/*
 * The same bytes in the same order, whatever the sizes of the Reads; the one across the end is
 * short, and those that were sent behind it move nothing. [CMD-READ-07, DATA-03, MOD-05]
 */
static void restore(void)
{
    static const uint32_t one[] = {1, 0}, largest[] = {64, 0}, mixed[] = {3, 61, 1, 17, 0};
    static const uint32_t *const sizes[] = {one, largest, mixed};
    for (unsigned i = 0; i < 3; i++) {
        int32_t end;
        client.gather = i == 1 ? 3 : 0;
        start(VDF_ReadMedia);
        pipe_drive->sizes = sizes[i];
        CHECK_EQUAL(drive_read(pipe_drive, STREAM, 0, LENGTH + BLOCKS(99), &end), LENGTH);
        CHECK_EQUAL(end, ERROR_HANDLE_EOF); /* [CMD-READ-02, CMD-READ-04, CMD-READ-06] */
        drive_clear_error(pipe_drive);
        drive_read_nothing(pipe_drive, ERROR_HANDLE_EOF);
        script_end(&script);
    }
}

/* The part that fits is told with the error; behind it, nothing is stored. [EOM-01, DATA-06] */
static void full_disk(void)
{
    int32_t end;
    client = script_client(1, VDF_LikePipe | VDF_Discard);
    script_shelve(&client, 0, BLOCKS(130), "small");
    client.gather = 4;
    start(VDF_WriteMedia);
    static const uint32_t sizes[] = {40, 0};
    pipe_drive->sizes = sizes;
    CHECK_EQUAL(drive_write(pipe_drive, STREAM, 0, BLOCKS(500), &end), BLOCKS(130));
    CHECK_EQUAL(end, ERROR_DISK_FULL); /* [CMD-WRITE-04] */
    drive_clear_error(pipe_drive);
    drive_do(pipe_drive, VDC_Discard); /* [FEAT-06, CMD-DISC-01, CMD-DISC-02] */
    drive_do(pipe_drive, VDC_Flush);
    script_end(&script);
    struct medium medium;
    medium_open(&medium, "small", INT64_MAX);
    CHECK_EQUAL(medium.length, 0);
    medium_close(&medium);
}

static void run(void)
{
    client = script_client(1, VDF_LikePipe | VDF_RequestComplete);
    script_shelve(&client, 0, INT64_MAX, "pipe");
    back_up();
    restore();
    full_disk();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {MEDIA_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
