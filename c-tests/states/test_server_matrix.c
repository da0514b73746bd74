/*
 * Every cell of the server's state table, by every way into the state, with all actors in one
 * process and with each in its own. Where the specification leaves a choice, its section 24
 * decides.
 */
#include "ways.h"

enum {
    NONE,       /* does not exist, nor does a set of the name */
    FRESH,      /* does not exist; a client has created the set */
    LEFT,       /* does not exist any more */
    CONN,       /* Connected */
    CONF,       /* Configurable */
    INIT,       /* Initializing */
    ACT_AGENT,  /* Active by the agent alone */
    ACT,        /* Active, one device is open, with the agent */
    ACT_ALONE,  /* ... without the agent */
    ACT_FULL,   /* Active, all devices are open */
    ACT_CLOSED, /* Active, the first device is closed, the second is open */
    ACT_PART,   /* Active, the first device is closed, the second was never opened */
    ENDING,     /* all devices are closed, a command is not completed */
    TERM,       /* Normally Terminated, the agent has left */
    TERM_LATE,  /* Normally Terminated, and there was no agent yet */
    ABORT,      /* Abort before there were buffers */
    ABORT_BUF,  /* Abort with a buffer, without devices */
    ABORT_DEV,  /* Abort with a buffer and devices */
};

static const char *const columns[] = {
    "DNE",
    "DNE (set created)",
    "DNE (closed)",
    "Connected",
    "Configurable",
    "Initializing",
    "Active (agent only)",
    "Active (one device)",
    "Active (one device, no agent)",
    "Active (all devices)",
    "Active (first device closed)",
    "Active (first device closed, second unopened)",
    "Active (closed, command not completed)",
    "Normally Terminated",
    "Normally Terminated (no agent yet)",
    "Abort (no buffer)",
    "Abort (buffer)",
    "Abort (devices)",
};

#define cOPENED TO(NOERROR, CONNECTED, SAME)
#define cBEGUN TO(NOERROR, CONFIGURABLE, SAME)
#define cREADY TO(NOERROR, INITIALIZING, INITIALIZING)
#define cACTIVE TO(NOERROR, ACTIVE, SAME)
#define cRUNS TO(AGENT_RUNS, ACTIVE, SAME)
#define cLAST TO(NOERROR, TERMINATED, TERMINATED)
#define cC TO(VD_E_CLOSE, SAME, SAME)
#define cABORTS TO(NOERROR, ABORTED, ABORTED)
/* Closes: quietly, with an abort for the others, with an abort and devices left open. */
#define cLEFT TO(NOERROR, DNE, SAME)
#define cCUT TO(NOERROR, DNE, ABORTED)
#define cTORN TO(VD_E_PROTOCOL, DNE, ABORTED)

static const struct row rows[] = {
    /* DNE       Conn  Conf  Init
     *     Active: agent, one device, no agent, all devices, first closed, part, ending
     *                                      Terminated   Abort */
    {DO_SERVER_OPEN, ME, ME,
     {cI, cOPENED, c_, c_, c_, c_,    c_, c_, c_, c_, c_, c_, c_,
                                            c_, c_,      c_, c_, c_}},
    {DO_SERVER_OPEN, VISITOR, ME,
     {c_, c_, c_, cB, cB, cB,         cB, cB, cB, cB, cB, cB, cB,
                                            cB, cB,      cA, cA, cA}},
    {DO_SERVER_GET_CONFIGURATION, ME, ME,
     {cP, cP, cP, cN, cN, cN,         cN, cN, cN, cN, cN, cN, cN,
                                            cN, cN,      cA, cA, cA}},
    {DO_BEGIN, ME, ME,
     {cP, cP, cP, cBEGUN, cP, cP,     cP, cP, cP, cP, cP, cP, cP,
                                            cP, cP,      cA, cA, cA}},
    {DO_REQUEST, ME, ME,
     {cP, cP, cP, cP, cN, cN,         cN, cN, cN, cN, cN, cN, cN,
                                            cP, cP,      cA, cA, cA}},
    {DO_QUERY, ME, ME,
     {cP, cP, cP, cP, cN, cN,         cN, cN, cN, cN, cN, cN, cN,
                                            cP, cP,      cA, cA, cA}},
    {DO_END, ME, ME,
     {cP, cP, cP, cP, cREADY, cP,     cP, cP, cP, cP, cP, cP, cP,
                                            cP, cP,      cA, cA, cA}},
    {DO_SERVER_OPEN_DEVICE, ME, ME,
     {cP, cP, cP, cP, cP, cACTIVE,    cACTIVE, cN, cN, cO, cO, cN, cO,
                                            cP, cP,      cA, cA, cA}},
    {DO_AGENT_CALL, ME, ME,
     {cP, cP, cP, cP, cP, cRUNS,      cB, cB, cRUNS, cB, cB, cB, cB,
                                            cP, cN,      cA, cA, cA}},
    {DO_ALLOCATE, ME, ME,
     {cP, cP, cP, cP, cP, cN,         cN, cN, cN, cN, cN, cN, cN,
                                            cP, cP,      cA, cA, cA}},
    {DO_FREE, ME, ME,
     {cP, cP, cP, cP, cP, cN,         cN, cN, cN, cN, cN, cN, cN,
                                            cN, cN,      cI, cN, cN}},
    {DO_IS_SHARED, ME, ME,
     {cN, cN, cN, cN, cN, cTRUE,      cTRUE, cTRUE, cTRUE, cTRUE, cTRUE, cTRUE, cTRUE,
                                            cTRUE, cTRUE, cN, cTRUE, cTRUE}},
    {DO_SEND, ME, ME,
     {cP, cP, cP, cP, cP, cP,         cP, cN, cN, cN, cP, cP, cP,
                                            cP, cP,      cP, cP, cA}},
    {DO_CLOSE_FIRST, ME, ME,
     {cP, cP, cP, cP, cP, cP,         cP, cN, cN, cN, cC, cC, cC,
                                            cC, cC,      cP, cP, cA}},
    {DO_CLOSE_SECOND, ME, ME,
     {cP, cP, cP, cP, cP, cP,         cP, cP, cP, cN, cLAST, cP, cC,
                                            cC, cC,      cP, cP, cA}},
    {DO_SERVER_SIGNAL_ABORT, ME, ME,
     {cP, cP, cP, cABORTS, cABORTS, cABORTS,
                                      cABORTS, cABORTS, cABORTS, cABORTS, cABORTS, cABORTS, cABORTS,
                                            cABORTS, cABORTS, cN, cN, cN}},
    {DO_SERVER_CLOSE, ME, ME,
     {cP, cP, cP, cCUT, cCUT, cCUT,   cCUT, cTORN, cTORN, cTORN, cTORN, cCUT, cCUT,
                                            cLEFT, cLEFT, cLEFT, cLEFT, cLEFT}},
};

static const struct table table = {columns, rows, COUNT(rows)};

#define N NOERROR
#define OPEN_ONE {SERVER, DO_SERVER_OPEN_DEVICE, N}
#define ALONE CONFIGURED, OPEN_ONE

/* The ways without an end. The views are the server's, the secondary's and the primary's. */
static const struct way ways[] = {
    {"never opened, closed handle", NONE, DNE, DNE, DNE, 0, {{NO_STEP}}},
    {"never opened, null", NONE, DNE, DNE, DNE, 0, {{ME, DO_NULL_HANDLES, N}}},
    {"never opened, no handle", NONE, DNE, DNE, DNE, 0, {{ME, DO_GARBAGE_HANDLES, N}}},
    {"the client has left", NONE, DNE, DNE, DNE, 0, {CREATED, {PRIMARY, DO_CLOSE, N}}},
    {"created", FRESH, DNE, DNE, CONFIGURABLE, 0, {CREATED}},
    {"Connected", CONN, CONNECTED, DNE, CONFIGURABLE, 0, {OPENED}},
    {"Configurable", CONF, CONFIGURABLE, DNE, CONFIGURABLE, 0, {BEGUN}},
    {"Configurable, buffers requested", CONF, CONFIGURABLE, DNE, CONFIGURABLE, 0,
     {BEGUN, {SERVER, DO_REQUEST, N}}},
    {"configured", INIT, INITIALIZING, INITIALIZING, INITIALIZING, 0, {CONFIGURED}},
    {"client alone Active", INIT, INITIALIZING, INITIALIZING, ACTIVE, 0,
     {CONFIGURED, {PRIMARY, DO_OPEN_FIRST, N}}},
    {"secondary alone Active", INIT, INITIALIZING, ACTIVE, INITIALIZING, 0,
     {CONFIGURED, {SECONDARY, DO_OPEN_FIRST, N}}},
    {"agent entered", ACT_AGENT, ACTIVE, INITIALIZING, INITIALIZING, 0, {ATTENDED}},
    {"agent entered, client Active", ACT_AGENT, ACTIVE, INITIALIZING, ACTIVE, 0,
     {ATTENDED, {PRIMARY, DO_OPEN_FIRST, N}}},
    {"agent, then a device", ACT, ACTIVE, INITIALIZING, INITIALIZING, 0, {ATTENDED, OPEN_ONE}},
    {"a device, then the agent", ACT, ACTIVE, INITIALIZING, INITIALIZING, 0,
     {ALONE, {SERVER, DO_AGENT_START, AGENT_RUNS}}},
    {"a device of the secondary", ACT, ACTIVE, ACTIVE, INITIALIZING, 0,
     {ATTENDED, OPEN_ONE, {SECONDARY, DO_OPEN_FIRST, N}}},
    {"a device without agent", ACT_ALONE, ACTIVE, INITIALIZING, INITIALIZING, 0, {ALONE}},
    {"all devices", ACT_FULL, ACTIVE, INITIALIZING, INITIALIZING, 0, {SERVED}},
    {"all devices, clients Active", ACT_FULL, ACTIVE, ACTIVE, ACTIVE, 0, {SHARED}},
    {"one device closed", ACT_CLOSED, ACTIVE, INITIALIZING, INITIALIZING, 0,
     {SERVED, {SERVER, DO_CLOSE_FIRST, N}}},
    {"one device closed and fetched", ACT_CLOSED, ACTIVE, ACTIVE, INITIALIZING, 0,
     {SHARED, {SERVER, DO_CLOSE_FIRST, N}, {PRIMARY, DO_GET_COMMAND, VD_E_CLOSE}}},
    {"the only open device closed", ACT_PART, ACTIVE, INITIALIZING, INITIALIZING, 0,
     {ATTENDED, OPEN_ONE, {SERVER, DO_CLOSE_FIRST, N}}},
    {"closed with a fetched command", ENDING, ACTIVE, ACTIVE, ACTIVE, 0, {HOLDING, BOTH_CLOSED}},
    {"closed with a queued command", ENDING, ACTIVE, INITIALIZING, INITIALIZING, 0,
     {SERVED, {SERVER, DO_SEND, N}, BOTH_CLOSED}},
    {"finished", TERM, TERMINATED, TERMINATED, TERMINATED, 0, {FINISHED}},
    {"finished after a command", TERM, TERMINATED, TERMINATED, TERMINATED, 0,
     {HOLDING, BOTH_CLOSED, {PRIMARY, DO_COMPLETE, N}, {SERVER, DO_AGENT_JOIN, N}}},
    {"finished, VD_E_CLOSE not fetched", TERM, TERMINATED, TERMINATED, TERMINATED, 0,
     {SHARED, BOTH_CLOSED, {SERVER, DO_AGENT_JOIN, N}}},
    {"finished without a client's device", TERM, TERMINATED, TERMINATED, TERMINATED, 0,
     {SERVED, BOTH_CLOSED, {SERVER, DO_AGENT_JOIN, N}}},
    {"finished, the client has left", TERM, TERMINATED, TERMINATED, DNE, 1,
     {FINISHED, {PRIMARY, DO_CLOSE, N}}},
    {"finished, the client has died", TERM, TERMINATED, TERMINATED, DNE, 1,
     {FINISHED, {PRIMARY, DO_KILL, N}}},
    {"finished before the agent came", TERM_LATE, TERMINATED, TERMINATED, TERMINATED, 0,
     {ALONE, OPEN_ONE, BOTH_CLOSED}},
};

/* Ends of every stage by the server's own Close. [AMB-40, SSET-CLOSE-02] */
static int way_left(struct way *way, const struct stage *stage)
{
    int quiet = stage->has & ENDED;
    if (!stage_has(stage, SERVER) || stage->has & SILENT)
        return 0;
    way_begin(way, stage);
    way->name = stage->name;
    way_add(way, ME, DO_SERVER_CLOSE,
            stage->has & SERVER_DEVICES && !quiet ? VD_E_PROTOCOL : NOERROR);
    way->column = LEFT;
    way->across = quiet ? TERMINATED : ABORTED;
    way->other = stage->has & JOINED ? way->across : DNE;
    return 1;
}

static void walk_ends(struct walk *walk)
{
    struct way way;
    for (unsigned s = 0; s < COUNT(stages); s++) {
        if (way_left(&way, &stages[s]))
            walk_way(walk, &way);
        for (unsigned b = 0; b < COUNT(blows); b++) {
            if (!way_abort(&way, &stages[s], &blows[b], SERVER))
                continue;
            way.column = stages[s].has & SERVER_DEVICES ? ABORT_DEV
                         : stages[s].has & JOINED       ? ABORT_BUF
                                                        : ABORT;
            walk_way(walk, &way);
        }
    }
}

/*
 * [ST-02, ST-03, ST-04, ST-06, ST-30, ST-31, ST-32, ST-40, ST-41]
 * [AMB-02, AMB-04, AMB-07, AMB-08, AMB-40, AMB-41]
 */
static void walk_server(int far)
{
    static struct scene scene;
    scene_begin(&scene, far);
    struct walk walk = {.scene = &scene, .table = &table, .me = SERVER};
    for (unsigned i = 0; i < COUNT(ways); i++)
        walk_way(&walk, &ways[i]);
    walk_ends(&walk);
    scene_end(&scene);
    fprintf(stderr, "%u cells, %s\n", walk.cells, far ? "processes of their own" : "one process");
}

/* When the server of an ended set has left, there is nothing for another one. [AMB-27] */
static void open_after_the_end(void)
{
    static struct scene scene;
    struct way way = {.script = {FINISHED, {SERVER, DO_SERVER_CLOSE, N}}};
    scene_begin(&scene, 1);
    scene_reset(&scene);
    for (const struct move *move = way.script; move->step != NO_STEP; move++)
        CHECK_EQUAL(scene_do(&scene, (enum who)move->who, move->step), move->wanted);
    vdi_result result;
    /* The primary's library may not have heard of it yet. */
    while ((result = (vdi_result)scene_do(&scene, VISITOR, DO_SERVER_OPEN)) == VD_E_BUSY)
        sched_yield();
    CHECK_RESULT(result, VD_E_INVALID);
    CHECK_EQUAL(scene_view(&scene, PRIMARY), TERMINATED);
    scene_end(&scene);
}

static void run(void)
{
    open_after_the_end();
    walk_server(0);
    walk_server(1);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {ACTOR_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
