/*
 * A peer that gives back the memory of the segment and of the buffers, page by page, while others use
 * it. It cannot become smaller or read-only: what is left are pages of zeros.
 */
#include "hostile/attack.h"
#include "hostile/victim.h"

#include <errno.h>
#include <unistd.h>

static enum moment moment_of_hole;
static unsigned page_of_hole;

/* The kernel keeps what the seals promise. */
static void cannot_be_resized(int memory, off_t size)
{
    CHECK(ftruncate(memory, size - 1) == -1 && errno == EPERM);
    CHECK(ftruncate(memory, size + 1) == -1 && errno == EPERM);
    CHECK(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EPERM);
    CHECK(fcntl(memory, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == -1 && errno == EPERM);
}

static void punch(int memory, off_t at, off_t size)
{
    CHECK(fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, size) == 0);
}

static void holes(enum moment moment, struct forged *forged)
{
    off_t size = (off_t)forged->segment.size, page = 4096, at = page * page_of_hole;
    if (moment != moment_of_hole)
        return;
    cannot_be_resized(forged->segment.memory, size);
    if (forged->area >= 0) {
        cannot_be_resized(forged->area, FORGED_AREA);
        punch(forged->area, 0, FORGED_AREA);
    }
    if (at < size)
        punch(forged->segment.memory, at, page);
}

/* [SEC-07, AMB-31] */
static void run(void)
{
    static const enum part parts[] = {BE_SERVER, BE_PRIMARY, BE_SECONDARY, BE_BOTH};
    unsigned pages = (unsigned)(segment_size(FORGED_DEVICES, VDI_QUEUE_CAPACITY) / 4096) + 2;
    char name[NAME_SIZE];
    unique_name(name);
    struct peer victim = victim_start(name);
    for (unsigned part = 0; part < sizeof parts / sizeof *parts; part++)
        for (moment_of_hole = JOINING; moment_of_hole < MOMENTS; moment_of_hole++)
            /* The last time only the buffers. */
            for (page_of_hole = 0; page_of_hole < pages; page_of_hole++) {
                attack_begin(page_of_hole);
                attack_note(" a hole in page %u at %u", page_of_hole, moment_of_hole);
                attack_play(victim, parts[part], name, holes);
            }
    victim_leave(victim);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {VICTIM_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
