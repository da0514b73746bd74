/*
 * tally.h - what the soak has counted, and whether what its long-lived workers hold is flat
 */
#ifndef TALLY_H
#define TALLY_H

#include "soak.h"

static const char *const part_names[PARTS] = {"primary", "secondary", "server"};
static const char *const fate_names[FATES] = {"nothing", "aborts",  "closes", "exits",
                                              "crashes", "stopped", "killed"};
/* VDI_ABORT_ codes. */
static const char *const reason_names[] = {
    "none",         "unknown",     "a client",  "the server",  "client closed", "server closed",
    "primary died", "server died", "time-out",  "corruption",  "resources",     "internal"};

#define REASONS (sizeof reason_names / sizeof *reason_names)

struct tally {
    uint64_t sets, normal, aborted, unseen;
    uint64_t devices, commands, bytes, cut_off;
    uint64_t fates[FATES][PARTS], escaped[FATES][PARTS];
    uint64_t reasons[REASONS];
};

/* What a worker held after each of its sets. */
struct history {
    struct sample {
        uint64_t rss, heap;
        unsigned maps, files, tasks;
    } *samples;
    size_t count, room;
};

static inline void history_add(struct history *history, const struct report *report)
{
    if (history->count == history->room) {
        history->room = history->room * 2 + 1024;
        history->samples = realloc(history->samples, history->room * sizeof *history->samples);
        CHECK(history->samples != NULL);
    }
    history->samples[history->count++] = (struct sample){
        report->rss, report->heap, report->maps, report->files, report->tasks};
}

static inline int ascending(const void *one, const void *other)
{
    uint64_t left = *(const uint64_t *)one, right = *(const uint64_t *)other;
    return (left > right) - (left < right);
}

enum held { RSS, HEAP, MAPS, FILES, TASKS, HELD };
static const char *const held_names[HELD] = {"KiB resident", "bytes of heap", "mappings",
                                             "descriptors", "threads"};

/* The median over a part of the history, in quarters. */
static inline uint64_t median(const struct history *history, enum held what, unsigned quarter)
{
    size_t from = history->count * quarter / 4, to = history->count * (quarter + 1) / 4;
    uint64_t *values = malloc((to - from) * sizeof *values);
    CHECK(to > from && values != NULL);
    for (size_t i = from; i < to; i++) {
        const struct sample *sample = &history->samples[i];
        values[i - from] = what == RSS     ? sample->rss / 1024
                           : what == HEAP  ? sample->heap
                           : what == MAPS  ? sample->maps
                           : what == FILES ? sample->files
                                           : sample->tasks;
    }
    qsort(values, to - from, sizeof *values, ascending);
    uint64_t middle = values[(to - from) / 2];
    free(values);
    return middle;
}

/* The last quarter is as the second one was: nothing grows with the number of sets. */
static inline void check_flat(unsigned worker, const struct history *history)
{
    /* Memory comes in pieces: stacks that are kept for the next thread, pages of the heap. What looks
       for faults in memory keeps much of it for itself, and says so. */
    const uint64_t slack[HELD] = {
        [RSS] = test_number("VDI_SOAK_SLACK_KIB", 1024), [HEAP] = 1024, [MAPS] = 24};
    printf("worker %u after %zu sets:", worker, history->count);
    CHECK(history->count >= 8);
    for (enum held what = RSS; what < HELD; what++)
        printf("%s %s %llu, %llu, %llu, %llu", what == RSS ? "" : ";", held_names[what],
               (unsigned long long)median(history, what, 0),
               (unsigned long long)median(history, what, 1),
               (unsigned long long)median(history, what, 2),
               (unsigned long long)median(history, what, 3));
    printf(" (medians of the quarters)\n");
    for (enum held what = RSS; what < HELD; what++) {
        uint64_t before = median(history, what, 1), after = median(history, what, 3);
        if (after > before + slack[what])
            check_failed(__FILE__, __LINE__, "worker %u: %s grow from %llu to %llu", worker,
                         held_names[what], (unsigned long long)before, (unsigned long long)after);
    }
}

static inline void print_fates(const struct tally *tally)
{
    printf("%-28s %10s %10s %10s\n", "what befell a participant", part_names[0], part_names[1],
           part_names[2]);
    for (enum fate fate = ABORTS; fate < FATES; fate++) {
        printf("  %-26s", fate_names[fate]);
        for (enum part part = PRIMARY; part < PARTS; part++)
            printf(" %10llu", (unsigned long long)tally->fates[fate][part]);
        printf("   (and %llu times the set was quicker)\n",
               (unsigned long long)(tally->escaped[fate][0] + tally->escaped[fate][1] +
                                    tally->escaped[fate][2]));
    }
}

static inline void print_tally(const struct tally *tally)
{
    printf("sets %llu: normal end %llu, aborted %llu, over before anybody else came %llu\n",
           (unsigned long long)tally->sets, (unsigned long long)tally->normal,
           (unsigned long long)tally->aborted, (unsigned long long)tally->unseen);
    printf("devices %llu, commands %llu, bytes compared %llu; commands ended by an abort %llu\n",
           (unsigned long long)tally->devices, (unsigned long long)tally->commands,
           (unsigned long long)tally->bytes, (unsigned long long)tally->cut_off);
    print_fates(tally);
    printf("reasons of the aborts:\n");
    for (unsigned i = 0; i < REASONS; i++)
        if (tally->reasons[i] > 0)
            printf("  %-26s %10llu\n", reason_names[i], (unsigned long long)tally->reasons[i]);
}

#endif
