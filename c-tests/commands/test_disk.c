/*
 * A disk-like device over several statements: transfers by offset, truncation at Flush, positions
 * from three starts, sparse writes, a full disk.
 */
#include "script.h"

#include <sys/stat.h>

#define BLOCKS(n) ((int64_t)(n) * SCRIPT_BLOCK)
#define OLD 1
#define NEW 2

static struct script script;
static struct drive *const disk = script.drives;
static struct media_client client;

static void start(uint32_t direction)
{
    unique_name(client.name);
    script_start(&script, &client, direction);
}

static void file_has(int64_t length)
{
    char path[MEDIUM_PATH];
    struct stat status;
    medium_path(path, client.shelves[0].labels[0]);
    CHECK(stat(path, &status) == 0);
    CHECK_EQUAL(status.st_size, length);
}

static void back_up(uint8_t stream, int64_t length)
{
    start(VDF_WriteMedia);
    drive_back_up(disk, stream, length);
    script_end(&script);
    file_has(length);
}

/* The header of an older, longer backup is read; then a shorter one takes its place. */
static void overwrite_with_truncation(void)
{
    back_up(OLD, BLOCKS(500));
    start(VDF_WriteMedia | VDF_ReadMedia);
    drive_read_all(disk, OLD, 0, BLOCKS(2)); /* the label at offset 0 [MOD-06, FEAT-05] */
    disk->offset = 0;
    drive_write_all(disk, NEW, 0, BLOCKS(120));
    drive_do(disk, VDC_Flush); /* [CMD-FLUSH-01, CMD-FLUSH-02, CMD-FLUSH-04] */
    file_has(BLOCKS(120));
    /* More follows the Flush. [CMD-FLUSH-03] */
    drive_write_all(disk, NEW, BLOCKS(120), BLOCKS(33));
    drive_do(disk, VDC_Flush);
    drive_do(disk, VDC_Flush);
    script_end(&script);
    file_has(BLOCKS(153));
}

/* Reads by offset, not one after the other. [FEAT-27, CMD-READ-03, DATA-05] */
static void read_by_offset(void)
{
    static const int64_t places[] = {100, 3, 152, 0, 77};
    int32_t end;
    start(VDF_ReadMedia);
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        int64_t length = places[i] == 152 ? BLOCKS(1) : BLOCKS(40);
        disk->offset = BLOCKS(places[i]);
        drive_read_all(disk, NEW, BLOCKS(places[i]), length);
    }
    /* Across the end, with others in flight: the short one tells how much there was. */
    disk->offset = BLOCKS(101);
    CHECK_EQUAL(drive_read(disk, NEW, BLOCKS(101), BLOCKS(300), &end), BLOCKS(52));
    CHECK_EQUAL(end, ERROR_HANDLE_EOF); /* [CMD-READ-04, CMD-READ-06] */
    drive_clear_error(disk);
    disk->offset = INT64_MAX - BLOCKS(1);
    drive_read_nothing(disk, ERROR_HANDLE_EOF);
    script_end(&script);
}

static int64_t set_position(int32_t start_from, int64_t offset, int32_t wanted)
{
    return drive_command(disk, VDC_SetPosition, start_from, offset, wanted);
}

/*
 * Offsets from the beginning, from here or from the end; the result comes back.
 * [CMD-SPOS-01, CMD-SPOS-02, AMB-19, AMB-21]
 */
static void positions(void)
{
    start(VDF_ReadMedia);
    disk->offset = BLOCKS(10);
    drive_read_all(disk, NEW, BLOCKS(10), BLOCKS(20));
    CHECK_EQUAL(drive_command(disk, VDC_GetPosition, 0, 0, ERROR_SUCCESS), BLOCKS(30));
    CHECK_EQUAL(set_position(VDC_Beginning, BLOCKS(5), ERROR_SUCCESS), BLOCKS(5));
    CHECK_EQUAL(set_position(VDC_Current, BLOCKS(7), ERROR_SUCCESS), BLOCKS(12));
    CHECK_EQUAL(set_position(VDC_Current, -BLOCKS(4), ERROR_SUCCESS), BLOCKS(8));
    CHECK_EQUAL(set_position(VDC_End, 0, ERROR_SUCCESS), BLOCKS(153));
    CHECK_EQUAL(set_position(VDC_End, -BLOCKS(153), ERROR_SUCCESS), 0);
    CHECK_EQUAL(set_position(VDC_End, -1, ERROR_SUCCESS), BLOCKS(153) - 1);
    set_position(VDC_Beginning, -1, ERROR_INVALID_PARAMETER);
    set_position(VDC_Current, INT64_MAX, ERROR_INVALID_PARAMETER);
    set_position(VDC_End, INT64_MIN, ERROR_INVALID_PARAMETER);
    set_position(3, 0, ERROR_INVALID_PARAMETER);
    set_position(-1, 0, ERROR_INVALID_PARAMETER);
    set_position(VDC_End, 1, ERROR_NO_DATA_DETECTED);
    /* Errors have moved nothing. [CMD-GPOS-01, CMD-GPOS-02] */
    CHECK_EQUAL(drive_command(disk, VDC_GetPosition, 0, 0, ERROR_SUCCESS), BLOCKS(153) - 1);
    script_end(&script);
}

/* Writes far apart and out of order; the highest is the end. [CMD-WRITE-02, FEAT-27] */
static void sparse_writes(void)
{
    static const int64_t places[] = {900, 0, 1 << 20, 30};
    start(VDF_WriteMedia | VDF_ReadMedia);
    for (unsigned i = 0; i < 4; i++) {
        disk->offset = BLOCKS(places[i]);
        drive_write_all(disk, OLD, BLOCKS(places[i]), BLOCKS(25));
    }
    drive_do(disk, VDC_Flush);
    for (unsigned i = 4; i-- > 0;) {
        disk->offset = BLOCKS(places[i]);
        drive_read_all(disk, OLD, BLOCKS(places[i]), BLOCKS(25));
    }
    script_end(&script);
    file_has(BLOCKS((1 << 20) + 25)); /* an offset of more than 30 bits */
}

/* A full disk: the part that fits is told, and the engine gives up. [EOM-01, CMD-WRITE-04] */
static void full_disk(void)
{
    int32_t end;
    client = script_client(1, VDF_LikeDisk);
    script_shelve(&client, 0, BLOCKS(100), "small");
    client.gather = 3;
    start(VDF_WriteMedia);
    CHECK_EQUAL(drive_write(disk, NEW, 0, BLOCKS(300), &end), BLOCKS(100));
    CHECK_EQUAL(end, ERROR_DISK_FULL);
    script_give_up(&script);
    file_has(BLOCKS(100));
}

static void run(void)
{
    client = script_client(1, VDF_LikeDisk);
    script_shelve(&client, 0, INT64_MAX, "disk");
    overwrite_with_truncation();
    read_by_offset();
    positions();
    sparse_writes();
    full_disk();
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {MEDIA_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
