/*
 * A tape-like device over several statements: label, append, filemarks, positions forward and
 * backward; once with hard filemarks, once with soft ones.
 */
#include "script.h"

#define LABEL 7
#define FIRST 1
#define SECOND 2
#define BLOCKS(n) ((int64_t)(n) * SCRIPT_BLOCK)
#define FIRST_LENGTH BLOCKS(150)
#define SECOND_LENGTH BLOCKS(91)

static struct script script;
static struct drive *const tape = script.drives;
static struct media_client client;
/* Block addresses of the two streams, as the device gave them. */
static int64_t first_at, second_at;

/* A block address; only the device knows what it means. [CMD-GPOS-01, CMD-GPOS-02] */
static int64_t position(void)
{
    return drive_command(tape, VDC_GetPosition, 0, 0, ERROR_SUCCESS);
}

/* Goes where GetPosition has been; both commands tell the same place. [CMD-SPOS-01, CMD-SPOS-03] */
static void go_to(int64_t place)
{
    CHECK_EQUAL(drive_command(tape, VDC_SetPosition, 0, place, ERROR_SUCCESS), place);
    CHECK_EQUAL(position(), place);
}

static void start(uint32_t direction)
{
    unique_name(client.name);
    script_start(&script, &client, direction);
}

/* Looks for a label, finds none and writes one; then the first stream. [MOD-06, CMD-WMARK-01] */
static void first_backup(void)
{
    start(VDF_WriteMedia | VDF_ReadMedia);
    drive_read_nothing(tape, ERROR_NO_DATA_DETECTED);
    drive_do(tape, VDC_Rewind);
    drive_write_all(tape, LABEL, 0, BLOCKS(1));
    drive_do(tape, VDC_WriteMark);
    first_at = position();
    CHECK(first_at < -(INT64_C(1) << 32)); /* all of its 64 bits count */
    drive_write_all(tape, FIRST, 0, FIRST_LENGTH);
    drive_do(tape, VDC_WriteMark);
    second_at = position();
    drive_do(tape, VDC_Flush);
    script_end(&script);
}

/* Finds the label, skips what is there and writes behind it. [MOD-06, FEAT-26, CMD-REWIND-01] */
static void append(void)
{
    start(VDF_WriteMedia | VDF_ReadMedia);
    drive_read_all(tape, LABEL, 0, BLOCKS(1));
    drive_read_nothing(tape, ERROR_FILEMARK_DETECTED);
    drive_do(tape, VDC_Rewind);
    drive_command(tape, VDC_SkipMarks, 2, 0, ERROR_SUCCESS);
    CHECK_EQUAL(position(), second_at);
    drive_write_all(tape, SECOND, 0, SECOND_LENGTH);
    drive_do(tape, VDC_WriteMark);
    drive_do(tape, VDC_Flush);
    script_end(&script);
}

/* Reads run into a filemark with others in flight; behind it, all goes on. [FM-02, CMD-READ-05] */
static void read_through_filemarks(void)
{
    static const uint32_t sizes[] = {5, 64, 1, 0};
    int32_t end;
    tape->sizes = sizes;
    drive_do(tape, VDC_Rewind);
    CHECK_EQUAL(drive_read(tape, LABEL, 0, BLOCKS(20), &end), BLOCKS(1));
    CHECK_EQUAL(end, ERROR_FILEMARK_DETECTED);
    drive_clear_error(tape);
    CHECK_EQUAL(drive_read(tape, FIRST, 0, FIRST_LENGTH + BLOCKS(200), &end), FIRST_LENGTH);
    CHECK_EQUAL(end, ERROR_FILEMARK_DETECTED);
    drive_clear_error(tape);
    drive_read_all(tape, SECOND, 0, SECOND_LENGTH);
    drive_read_nothing(tape, ERROR_FILEMARK_DETECTED);
    drive_read_nothing(tape, ERROR_NO_DATA_DETECTED);
}

/* Places that were told once are found again, in any order. [FEAT-22, POS-01, CMD-GPOS-02] */
static void positions(void)
{
    go_to(second_at);
    drive_read_all(tape, SECOND, 0, BLOCKS(3));
    int64_t middle = position();
    go_to(first_at); /* backward [FEAT-24] */
    drive_read_all(tape, FIRST, 0, BLOCKS(9));
    go_to(middle);
    drive_read_all(tape, SECOND, BLOCKS(3), BLOCKS(5));
    drive_command(tape, VDC_SetPosition, 0, 12345, ERROR_INVALID_PARAMETER);
    drive_command(tape, VDC_SetPosition, 0, -1, ERROR_INVALID_PARAMETER);
    drive_read_all(tape, SECOND, BLOCKS(8), BLOCKS(1)); /* the tape has not moved */
}

/* Blocks forward and backward, and into filemarks. [FEAT-23, CMD-SBLK-01, CMD-SBLK-02, AMB-20] */
static void skip_blocks(void)
{
    go_to(first_at);
    drive_command(tape, VDC_SkipBlocks, 30, 0, ERROR_SUCCESS);
    drive_read_all(tape, FIRST, BLOCKS(30), BLOCKS(4));
    drive_command(tape, VDC_SkipBlocks, -10, 0, ERROR_SUCCESS);
    drive_read_all(tape, FIRST, BLOCKS(24), BLOCKS(1));
    drive_command(tape, VDC_SkipBlocks, 200, 0, ERROR_FILEMARK_DETECTED);
    CHECK_EQUAL(position(), second_at);
    drive_command(tape, VDC_SkipBlocks, INT32_MAX, 0, ERROR_FILEMARK_DETECTED);
    drive_command(tape, VDC_SkipBlocks, 1, 0, ERROR_NO_DATA_DETECTED);
    go_to(first_at);
    drive_command(tape, VDC_SkipBlocks, -1, 0, ERROR_FILEMARK_DETECTED);
    drive_command(tape, VDC_SkipBlocks, INT32_MIN, 0, ERROR_BEGINNING_OF_MEDIA);
}

/* Filemarks forward and backward, and beyond both ends. [CMD-SMARK-01, CMD-SMARK-02, AMB-20] */
static void skip_marks(void)
{
    go_to(first_at);
    drive_command(tape, VDC_SkipMarks, 1, 0, ERROR_SUCCESS);
    CHECK_EQUAL(position(), second_at);
    drive_command(tape, VDC_SkipMarks, -2, 0, ERROR_SUCCESS); /* before the first one */
    drive_read_nothing(tape, ERROR_FILEMARK_DETECTED);
    CHECK_EQUAL(position(), first_at);
    drive_command(tape, VDC_SkipMarks, -2, 0, ERROR_BEGINNING_OF_MEDIA);
    drive_read_all(tape, LABEL, 0, BLOCKS(1));
    drive_command(tape, VDC_SkipMarks, 0, 0, ERROR_SUCCESS);
    drive_command(tape, VDC_SkipMarks, 4, 0, ERROR_NO_DATA_DETECTED);
    drive_read_nothing(tape, ERROR_NO_DATA_DETECTED);
    drive_command(tape, VDC_SkipMarks, INT32_MIN, 0, ERROR_BEGINNING_OF_MEDIA);
}

/* Writing in the middle makes that the end. Discard takes back what was written. */
static void overwrite(void)
{
    start(VDF_WriteMedia | VDF_ReadMedia);
    drive_command(tape, VDC_SkipMarks, 2, 0, ERROR_SUCCESS);
    drive_write_all(tape, LABEL, 0, BLOCKS(12));
    drive_do(tape, VDC_Discard); /* [FEAT-25, CMD-DISC-01] */
    CHECK_EQUAL(position(), second_at);
    drive_read_nothing(tape, ERROR_NO_DATA_DETECTED);
    drive_do(tape, VDC_Rewind);
    drive_command(tape, VDC_SkipMarks, 1, 0, ERROR_SUCCESS);
    drive_write_all(tape, SECOND, 0, BLOCKS(2));
    drive_command(tape, VDC_SkipMarks, 1, 0, ERROR_NO_DATA_DETECTED);
    go_to(first_at);
    drive_read_all(tape, SECOND, 0, BLOCKS(2));
    drive_read_nothing(tape, ERROR_NO_DATA_DETECTED);
    script_end(&script);
}

/* The bytes of soft filemarks are on the tape and never in the stream. [FM-01] */
static void look_at_the_tape(const char *label, int64_t mark_size)
{
    struct medium medium;
    medium_open(&medium, label, INT64_MAX);
    CHECK_EQUAL(medium.marks, 3);
    CHECK_EQUAL(medium.length, BLOCKS(1) + FIRST_LENGTH + SECOND_LENGTH + 3 * mark_size);
    medium_close(&medium);
}

static void use_tape(const char *label, uint32_t mark_size)
{
    client = script_client(1, VDF_LikeTape | VDF_Discard);
    client.config.softFileMarkBlockSize = mark_size;
    script_shelve(&client, 0, INT64_MAX, "%s", label);
    first_backup();
    append();
    look_at_the_tape(label, mark_size);
    start(VDF_ReadMedia);
    CHECK_EQUAL(tape->config.softFileMarkBlockSize, mark_size);
    read_through_filemarks();
    positions();
    skip_blocks();
    skip_marks();
    script_end(&script);
    overwrite();
}

static void run(void)
{
    use_tape("hard", 0);
    use_tape("soft", 3 * SCRIPT_BLOCK);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {MEDIA_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
