/* What each survivor must have seen, by how far the victim had come. */
#include "cast.h"

#include <stdio.h>
#include <string.h>

/* A set of outcomes. */
enum { MAY_END = 1 << NORMAL, MAY_ABORT = 1 << ABORTED, MAY_MISS = 1 << ABSENT };

/*
 * The server: the end is an abort, until all devices are closed. Before it was attached another
 * one takes its place. [CRASH-01, NT-04]
 */
static unsigned without_server(enum stage reached)
{
    if (reached <= V_OPEN || (reached >= V_CLOSING && reached < V_LEAVING))
        return MAY_END | MAY_ABORT;
    return reached >= V_LEAVING ? MAY_END : MAY_ABORT;
}

/*
 * The primary: the end is an abort, until it has completed the last command; then it depends on
 * whether the server had closed the devices in time. Before the others came there is no set.
 * [CRASH-02, CRASH-04]
 */
static unsigned without_primary(enum stage reached)
{
    if (reached >= C_LEAVING)
        return MAY_END;
    if (reached >= C_LAST)
        return MAY_END | MAY_ABORT;
    return reached <= C_CONFIGURATION ? MAY_ABORT | MAY_MISS : MAY_ABORT;
}

/* The secondary: nothing happens, but the primary of the run then aborts. [CRASH-03] */
static unsigned without_secondary(enum stage reached)
{
    if (reached == C_LAST)
        return MAY_END | MAY_ABORT;
    return reached > C_LAST ? MAY_END : MAY_ABORT;
}

static unsigned allowed(const struct run *run, enum part survivor)
{
    enum stage reached = board->reached;
    if (!board->gone[run->victim] && run->ending == NORMAL_END)
        return MAY_END;
    unsigned may = run->victim == SERVER    ? without_server(reached)
                   : run->victim == PRIMARY ? without_primary(reached)
                                            : without_secondary(reached);
    /* The secondary comes late, perhaps too late for this set. */
    if (survivor == SECONDARY && may & MAY_ABORT)
        may |= MAY_MISS;
    /* It had ended the set before it died, or has come to that end. */
    int has_ended = run->victim == SERVER ? reached >= V_ENDING : reached >= C_ENDING;
    return run->ending != NORMAL_END && has_ended ? MAY_ABORT : may;
}

/* Whether a reason is the true one. */
static int is_true(const struct run *run, uint32_t reason)
{
    static const uint32_t died[] = {VDI_ABORT_SERVER_DIED, VDI_ABORT_PRIMARY_DIED,
                                    VDI_ABORT_CLIENT};
    enum stage reached = board->reached;
    enum stage ending = run->victim == SERVER ? V_ENDING : C_ENDING;
    int server = run->victim == SERVER;
    uint32_t own = run->ending == SIGNALS ? (server ? VDI_ABORT_SERVER : VDI_ABORT_CLIENT)
                                          : (server ? VDI_ABORT_SERVER_CLOSED
                                                    : VDI_ABORT_CLIENT_CLOSED);
    if (run->ending == NORMAL_END || reached < ending)
        return reason == died[run->victim];
    return reason == own || (reached == ending && reason == died[run->victim]);
}

/* Whether a text about a death names the process, or none if that has not shown its number. */
static int names_the_dead(const char *text)
{
    char number[16];
    snprintf(number, sizeof number, " %d ", (int)board->pid);
    return strstr(text, number) != NULL || strncmp(text, "the ", 4) == 0;
}

static _Noreturn void fails(const struct run *run, enum part survivor, const char *why)
{
    static const char *const outcomes[] = {"nothing", "a normal end", "an abort", "no set"};
    struct report *report = &board->reports[survivor];
    check_failed(__FILE__, __LINE__, "%s: %s; part %d saw %s, reason %u \"%s\", lost %u",
                 run_text(run), why, survivor, outcomes[report->outcome], report->reason,
                 report->text, report->lost);
}

/* The primary learns of a secondary that ended with its device open, and of no other. [AMB-46] */
static void judge_lost(const struct run *run)
{
    enum stage reached = board->reached;
    uint32_t lost = board->reports[PRIMARY].lost;
    if (run->victim != SECONDARY || board->reports[PRIMARY].outcome != ABORTED)
        return;
    if (lost > 1 || (lost == 1 && reached < C_DEVICES))
        fails(run, PRIMARY, "a secondary without a device is lost");
}

void judge(const struct run *run, enum part survivor)
{
    struct report *report = &board->reports[survivor];
    if (!(allowed(run, survivor) & 1u << report->outcome))
        fails(run, survivor, "that is not the outcome");
    judge_lost(run);
    if (report->outcome != ABORTED) {
        report->outcome == NORMAL ? totals.normal++ : totals.absent++;
        return;
    }
    /* One that came too late has no set whose reason it could ask for. */
    if (report->reason == VDI_ABORT_NONE)
        return;
    if (!is_true(run, report->reason))
        fails(run, survivor, "that is not the reason");
    int died = report->reason == VDI_ABORT_PRIMARY_DIED || report->reason == VDI_ABORT_SERVER_DIED;
    if (died && !names_the_dead(report->text))
        fails(run, survivor, "the text does not say who has died");
    totals.reasons[report->reason]++;
}
