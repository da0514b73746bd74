/*
 * The clients' part of a run. The primary has all devices, or leaves the last one to the secondary;
 * then it also gives the secondary the handle of a buffer.
 */
#include "play.h"

#include <string.h>

#define REASON "the client has enough"

static enum part me;
static vdi_set *set;
static unsigned first, end;
static vdi_device *devices[VDI_MAX_DEVICES];

static void stage(enum stage at)
{
    NOTE(stage[me], at);
}

static int is_aborted(void)
{
    uint32_t code;
    CHECK_RESULT(vdi_abort_reason(set, &code, NULL, 0), NOERROR);
    return code != VDI_ABORT_NONE;
}

static int has_secondary(void)
{
    return board->devices > 1;
}

/* The secondary has ended, and its device has not: the primary must judge. [CRASH-03] */
static int misses_secondary(void)
{
    return me == PRIMARY && LOOK(gone[SECONDARY]) && LOOK(stage[SECONDARY]) <= C_ENDING;
}

/* What a primary does whose secondary has died. It is told if that one had a device. [AMB-46] */
static void gives_up(void)
{
    enum stage reached = LOOK(stage[SECONDARY]);
    uint32_t lost;
    do {
        CHECK_RESULT(vdi_lost_secondaries(set, &lost), NOERROR);
        moment();
    } while (lost == 0 && reached >= C_FIRST && reached < C_LAST);
    board->reports[PRIMARY].lost = lost;
    CHECK(goes_on(vdi_signal_abort(set, "a secondary is missing")));
}


/* GetCommand; only a primary that may have to miss its secondary looks up from time to time. */
static vdi_result fetch(unsigned device, VDC_Command **command)
{
    int watchful = me == PRIMARY && has_secondary() && board->victim == SECONDARY;
    for (;;) {
        uint32_t wait = watchful ? 20 : VDI_INFINITE;
        vdi_result result = vdi_get_command(devices[device], wait, command);
        if (!watchful || result != VD_E_TIMEOUT)
            return result;
        if (misses_secondary())
            gives_up();
    }
}

static int fetches(unsigned device, unsigned round, VDC_Command **command)
{
    if (!goes_on(fetch(device, command)))
        return 0;
    CHECK_EQUAL((*command)->commandCode, VDC_Write);
    CHECK_EQUAL((*command)->size, SIZE);
    for (unsigned i = 0; i < SIZE; i++)
        CHECK_EQUAL((*command)->buffer[i], mark(device, round));
    return 1;
}

static int completes(unsigned device, VDC_Command *command)
{
    return goes_on(vdi_complete_command(devices[device], command, ERROR_SUCCESS, SIZE, 0));
}

/* The primary's half of sharing a buffer: until the secondary has seen it. */
static int shares(VDC_Command *command)
{
    uint32_t handle;
    CHECK_RESULT(vdi_get_buffer_handle(set, command->buffer, &handle), NOERROR);
    NOTE(handle, handle);
    while (!LOOK(mapped)) {
        if (is_aborted())
            return 0;
        if (misses_secondary())
            gives_up();
        moment();
    }
    return 1;
}

/* The secondary's half. The buffer is that of device 0. */
static int maps(void)
{
    while (LOOK(handle) == 0) {
        if (is_aborted())
            return 0;
        moment();
    }
    void *buffer;
    vdi_result mapped = vdi_map_buffer_handle(set, LOOK(handle), &buffer);
    if (mapped != NOERROR) {
        /* The area was on its way when the primary died. [AMB-06] */
        CHECK_RESULT(mapped, VD_E_INVALID);
        CHECK(board->victim == PRIMARY && is_aborted());
        return 0;
    }
    /* An aborted server keeps its buffers until Close, which comes later. [ABT-07] */
    CHECK_EQUAL(((uint8_t *)buffer)[SIZE - 1], mark(0, 0));
    NOTE(mapped, 1);
    return 1;
}

static int first_round(void)
{
    stage(C_FIRST);
    if (me == SECONDARY && !maps())
        return 0;
    for (unsigned i = first; i < end; i++) {
        VDC_Command *command;
        if (!fetches(i, 0, &command))
            return 0;
        if (me == PRIMARY && i == 0 && has_secondary() && !shares(command))
            return 0;
        if (!completes(i, command))
            return 0;
    }
    return 1;
}

/* Ends in the way of this run while it holds the last command. */
static int ends_early(void)
{
    stage(C_ENDING);
    if (ends_by(SIGNALS))
        CHECK(goes_on(vdi_signal_abort(set, REASON)));
    else
        CHECK_RESULT(vdi_close(set), VD_E_OPEN);
    return 0;
}

static int second_round(void)
{
    stage(C_SECOND);
    for (unsigned i = first; i < end; i++) {
        VDC_Command *command;
        if (!fetches(i, 1, &command))
            return 0;
        if (i == end - 1) {
            if (ends_by(SIGNALS) || ends_by(LEAVES))
                return ends_early();
            stage(C_LAST);
        }
        if (!completes(i, command))
            return 0;
    }
    stage(C_FINISH);
    return 1;
}

/* [NT-02] */
static int finishes(void)
{
    for (unsigned i = first; i < end; i++) {
        VDC_Command *command;
        vdi_result ended = fetch(i, &command);
        if (ended != VD_E_CLOSE && !goes_on(ended))
            return 0;
        CHECK_RESULT(ended, VD_E_CLOSE);
    }
    return 1;
}

static int opens_devices(void)
{
    stage(C_DEVICES);
    first = me == SECONDARY ? board->devices - 1 : 0;
    end = me == PRIMARY && has_secondary() ? board->devices - 1 : board->devices;
    for (unsigned i = first; i < end; i++) {
        char device[NAME_SIZE];
        device_name(device, board->name, i);
        if (!goes_on(vdi_open_device(set, device, &devices[i])))
            return 0;
    }
    return 1;
}

static int operates(void)
{
    VDConfig config;
    stage(C_CONFIGURATION);
    if (!goes_on(vdi_get_configuration(set, VDI_INFINITE, &config)))
        return 0;
    CHECK_EQUAL(config.deviceCount, board->devices);
    NOTE(configured, 1);
    return opens_devices() && first_round() && second_round() && finishes();
}

/* [ABT-03, ABT-05, ABT-09] */
static void check_aborted(struct report *report)
{
    VDConfig config;
    vdi_device *device;
    CHECK_RESULT(vdi_get_configuration(set, VDI_INFINITE, &config), VD_E_ABORT);
    CHECK_RESULT(vdi_open_device(set, board->name, &device), VD_E_ABORT);
    CHECK_RESULT(vdi_abort_reason(set, &report->reason, report->text, sizeof report->text),
                 NOERROR);
}

/* The secondary comes when the primary says that the set is configured. */
static vdi_result enters(void)
{
    if (me == PRIMARY) {
        VDConfig config = {.deviceCount = board->devices};
        stage(C_ENTER);
        return vdi_create(NULL, board->name, &config, NULL, &set);
    }
    while (!LOOK(configured)) {
        if (LOOK(stage[PRIMARY]) >= C_LEAVING || LOOK(gone[PRIMARY]))
            return VD_E_PROTOCOL;
        moment();
    }
    stage(C_ENTER);
    return vdi_open_in_secondary(NULL, board->name, &set);
}

void client_plays(enum part part, struct report *report)
{
    me = part;
    set = NULL;
    vdi_result entered = enters();
    if (part == SECONDARY && entered == VD_E_PROTOCOL) {
        report->outcome = ABSENT; /* [AMB-44] */
        return;
    }
    int normally = goes_on(entered) && operates();
    /* A primary may not close before its secondary has finished. [AMB-04] */
    while (normally && part == PRIMARY && has_secondary() && !LOOK(finished) &&
           !LOOK(gone[SECONDARY]))
        moment();
    report->outcome = normally ? NORMAL : ABORTED;
    if (!normally && set != NULL && !ends_by(LEAVES))
        check_aborted(report);
    stage(C_LEAVING);
    if (part == SECONDARY)
        NOTE(finished, 1);
}

/* [CRASH-01, NT-04] */
void client_leaves(void)
{
    if (set != NULL && !ends_by(LEAVES))
        CHECK_RESULT(vdi_close(set), NOERROR);
    stage(C_GONE);
}
