/* The server's part of a run: two rounds of Write, the second in an area that it adds later. */
#include "play.h"

#include "engine.h"

#define REASON "the server has enough"

static struct engine engine;
static struct journal journal = JOURNAL_INITIALIZER;
static VDS_Command commands[2 * VDI_MAX_DEVICES];
static unsigned sent;
static int agent_runs;

static void stage(enum stage at)
{
    NOTE(stage[SERVER], at);
}

/* Looks for the set until there is one, or its primary has ended. */
static vdi_result opens(void)
{
    stage(V_OPEN);
    for (;;) {
        int hopeless = LOOK(gone[PRIMARY]);
        vdi_result opened = vdi_server_open(NULL, board->name, &engine.server);
        /* The server before this one may have died unseen. */
        int later = opened == VD_E_INVALID || (opened == VD_E_BUSY && LOOK(gone[SERVER]));
        if (!later || (hopeless && opened == VD_E_INVALID))
            return opened;
        moment();
    }
}

static int configures(void)
{
    vdi_server_parameters parameters = {.size = sizeof parameters,
                                        .features = VDF_WriteMedia,
                                        .blockSize = BLOCK_SIZE,
                                        .maxTransferSize = TRANSFER_SIZE};
    stage(V_BEGIN);
    if (!goes_on(vdi_server_begin_configuration(engine.server, &parameters)))
        return 0;
    stage(V_REQUEST);
    if (!goes_on(vdi_server_request_buffers(engine.server, SIZE, 0, board->devices)))
        return 0;
    stage(V_END);
    return goes_on(vdi_server_end_configuration(engine.server));
}

static int opens_devices(void)
{
    stage(V_AGENT);
    caller_start(&engine.agent, completion_agent, engine.server);
    agent_runs = 1;
    stage(V_DEVICES);
    for (unsigned i = 0; i < board->devices; i++) {
        char device[NAME_SIZE];
        device_name(device, board->name, i);
        if (!goes_on(vdi_server_open_device(engine.server, device, &engine.devices[i])))
            return 0;
    }
    return 1;
}

/* One Write to each device, and its completion. */
static int writes(unsigned round)
{
    for (unsigned i = 0; i < board->devices; i++) {
        void *buffer;
        if (!goes_on(vdi_server_allocate_buffer(engine.server, SIZE, 0, &buffer)))
            return 0;
        memset(buffer, mark(i, round), SIZE);
        command_prepare(&commands[sent], &journal, VDC_Write, buffer, SIZE);
        /* Its routine is called, whatever happens. */
        sent++;
        if (!goes_on(vdi_server_send_command(engine.devices[i], &commands[sent - 1])))
            return 0;
    }
    journal_wait(&journal, sent);
    for (unsigned i = 0; i < sent; i++)
        if (journal.entries[i].code == ERROR_OPERATION_ABORTED)
            return 0;
    return 1;
}

static int ends(void)
{
    stage(V_ENDING);
    if (ends_by(SIGNALS)) {
        CHECK(goes_on(vdi_server_signal_abort(engine.server, REASON)));
        return 0;
    }
    if (ends_by(LEAVES)) {
        /* Its devices are open. */
        CHECK_RESULT(vdi_server_close(engine.server), VD_E_PROTOCOL);
        return 0;
    }
    stage(V_CLOSING);
    for (unsigned i = 0; i < board->devices; i++)
        if (!goes_on(vdi_server_close_device(engine.devices[i])))
            return 0;
    stage(V_CLOSED);
    return 1;
}

static int operates(void)
{
    if (!configures() || !opens_devices())
        return 0;
    stage(V_FIRST);
    if (!writes(0))
        return 0;
    stage(V_MORE);
    if (!goes_on(vdi_server_request_buffers(engine.server, SIZE, 0, board->devices)))
        return 0;
    stage(V_SECOND);
    return writes(1) && ends();
}

/* Each command had its one completion, and not a false one. [SSET-AGENT-09, CRASH-02] */
static void check_completions(int normally)
{
    CHECK_EQUAL(journal_count(&journal), sent);
    for (unsigned i = 0; i < sent; i++) {
        unsigned calls = 0;
        for (unsigned place = 0; place < sent; place++)
            calls += journal.entries[place].command == &commands[i];
        CHECK_EQUAL(calls, 1);
        int done = commands[i].completionCode == ERROR_SUCCESS;
        CHECK(done || commands[i].completionCode == ERROR_OPERATION_ABORTED);
        CHECK(done || !normally);
        CHECK_EQUAL(commands[i].bytesTransferred, done ? SIZE : 0);
    }
}

/* What an aborted server can still do. [ABT-04, ABT-06] */
static void check_aborted(struct report *report)
{
    VDConfig config;
    void *buffer;
    CHECK_RESULT(vdi_server_get_configuration(engine.server, &config), VD_E_ABORT);
    CHECK_RESULT(vdi_server_allocate_buffer(engine.server, SIZE, 0, &buffer), VD_E_ABORT);
    CHECK_RESULT(vdi_server_abort_reason(engine.server, &report->reason, report->text,
                                         sizeof report->text),
                 NOERROR);
}

void server_plays(struct report *report)
{
    engine.server = NULL;
    journal.count = sent = 0;
    agent_runs = 0;
    vdi_result opened = opens();
    if (opened == VD_E_INVALID) {
        report->outcome = ABSENT; /* [CRASH-04] */
        return;
    }
    int normally = goes_on(opened) && operates();
    if (agent_runs) {
        vdi_result agent = caller_join(&engine.agent);
        if (ends_by(LEAVES))
            CHECK_RESULT(agent, NOERROR);
        else if (!normally)
            CHECK_RESULT(agent, VD_E_ABORT);
        /* The last device may have been closed, and its set aborted, at the same moment. */
        normally = normally && goes_on(agent);
    }
    stage(V_LEAVING);
    check_completions(normally);
    report->outcome = normally ? NORMAL : ABORTED;
    if (!normally && engine.server != NULL && !ends_by(LEAVES))
        check_aborted(report);
}

/* [SSET-CLOSE-05, NT-04] */
void server_leaves(void)
{
    if (engine.server != NULL && !ends_by(LEAVES))
        CHECK_RESULT(vdi_server_close(engine.server), NOERROR);
    stage(V_GONE);
}
