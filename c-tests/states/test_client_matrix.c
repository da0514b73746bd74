/*
 * Every cell of the client's state table, by every way into the state, in the primary and in a
 * secondary, with all actors in one process and with each in its own. Where the specification
 * leaves a choice, its section 24 decides.
 */
#include "ways.h"

enum {
    NONE,        /* does not exist, nor does the name */
    LEFT,        /* does not exist here; another process may have it open */
    CONF,        /* Configurable */
    INIT_EARLY,  /* Initializing, the server has opened no device */
    INIT,        /* Initializing, the server has opened its devices */
    INIT_OTHER,  /* Initializing here; another client has opened the first device */
    INIT_FULL,   /* Initializing here; other clients have opened all devices */
    ACT_EARLY,   /* Active, the server has opened no device */
    ACT,         /* Active, one device is open */
    ACT_QUEUED,  /* ... and a command is queued */
    ACT_HOLDING, /* ... and was fetched */
    ACT_FULL,    /* Active, all devices are open */
    ENDING,      /* all devices are closed, a command is not completed */
    DONE,        /* ... every command is completed, and the server has not looked */
    CLOSED,      /* Normally Terminated, VD_E_CLOSE was not fetched */
    TERM,        /* Normally Terminated */
    ABORT,       /* Abort, no device of this process */
    ABORT_DEV,   /* Abort with a device */
    ABORT_CMD,   /* Abort with a command that was fetched */
};

static const char *const columns[] = {
    "DNE",
    "DNE beside a set",
    "Configurable",
    "Initializing (server idle)",
    "Initializing",
    "Initializing (one device taken)",
    "Initializing (all devices taken)",
    "Active (server idle)",
    "Active",
    "Active (command queued)",
    "Active (command fetched)",
    "Active (all devices open)",
    "Active (closed, command not completed)",
    "Active (closed, completed)",
    "Normally Terminated (not fetched)",
    "Normally Terminated",
    "Abort (no device)",
    "Abort (device)",
    "Abort (command fetched)",
};

#define cNEW TO(NOERROR, CONFIGURABLE, SAME)
#define cJOINED TO(NOERROR, INITIALIZING, SAME)
#define cACTIVE TO(NOERROR, ACTIVE, SAME)
#define cCLOSED TO(VD_E_CLOSE, TERMINATED, SAME)
/* The probe sees open devices only. */
#define cEND TO(VD_E_CLOSE, INITIALIZING, SAME)
#define cENDS TO(NOERROR, ANY, ANY)
#define cABORTS TO(NOERROR, ABORTED, ABORTED)
/* Closes: quietly, with an abort for the others, with an abort and devices left open. */
#define cLEFT TO(NOERROR, DNE, SAME)
#define cCUT TO(NOERROR, DNE, ABORTED)
#define cTORN TO(VD_E_OPEN, DNE, ABORTED)

static const struct row rows[] = {
    /* DNE          Conf   Initializing: early, plain, one taken, all taken
     *                     Active: early, plain, queued, fetched, all open, ending, done
     *                                             Terminated    Abort */
    {DO_CREATE, ME, ME,
     {cNEW, c_,     c_,    c_, c_, c_, c_,
                           c_, c_, c_, c_, c_, c_, c_,
                                                    c_, c_,      c_, c_, c_}},
    {DO_CREATE, VISITOR, ME,
     {c_, c_,       cP,    cP, cP, cP, cP,
                           cP, cP, cP, cP, cP, cP, cP,
                                                    cP, cP,      cP, cP, cP}},
    {DO_JOIN, VISITOR, ME,
     {cP, c_,       cP,    cJOINED, cJOINED, cJOINED, cJOINED,
                           cJOINED, cJOINED, cJOINED, cJOINED, cJOINED, cJOINED, cJOINED,
                                                    cP, cP,      cA, cA, cA}},
    {DO_GET_CONFIGURATION, ME, ME,
     {cP, cP,       cT,    cN, cN, cN, cN,
                           cN, cN, cN, cN, cN, cN, cN,
                                                    cN, cN,      cA, cA, cA}},
    {DO_OPEN_FIRST, ME, ME,
     {cP, cP,       cP,    cACTIVE, cACTIVE, cP, cO,
                           cP, cP, cP, cP, cO, cP, cP,
                                                    cP, cP,      cA, cA, cA}},
    {DO_OPEN_SECOND, ME, ME,
     {cP, cP,       cP,    cI, cACTIVE, cACTIVE, cO,
                           cI, cN, cN, cN, cO, cN, cN,
                                                    cP, cP,      cA, cA, cA}},
    {DO_OPEN_UNKNOWN, ME, ME,
     {cP, cP,       cP,    cI, cI, cI, cO,
                           cI, cI, cI, cI, cO, cI, cI,
                                                    cP, cP,      cA, cA, cA}},
    {DO_GET_COMMAND, ME, ME,
     {cP, cP,       cP,    cP, cP, cP, cP,
                           cT, cT, cN, cT, cT, cT, cEND,
                                                    cCLOSED, cP, cP, cA, cA}},
    {DO_COMPLETE, ME, ME,
     {cP, cP,       cP,    cP, cP, cP, cP,
                           cI, cI, cI, cN, cI, cENDS, cI,
                                                    cI, cP,      cP, cA, cA}},
    {DO_GET_HANDLE, ME, ME,
     {cP, cP,       cI,    cI, cI, cI, cI,
                           cI, cI, cI, cN, cI, cN, cI,
                                                    cI, cI,      cI, cI, cN}},
    {DO_MAP_HANDLE, ME, ME,
     {cP, cP,       cI,    cI, cI, cI, cI,
                           cI, cI, cI, cN, cI, cN, cI,
                                                    cI, cI,      cI, cI, cN}},
    {DO_SIGNAL_ABORT, ME, ME,
     {cP, cP,       cABORTS, cABORTS, cABORTS, cABORTS, cABORTS,
                           cABORTS, cABORTS, cABORTS, cABORTS, cABORTS, cABORTS, cABORTS,
                                                    cABORTS, cABORTS, cN, cN, cN}},
    {DO_CLOSE, ME, PRIMARY,
     {cP, cP,       cCUT,  cCUT, cCUT, cTORN, cTORN,
                           cTORN, cTORN, cTORN, cTORN, cTORN, cTORN, cLEFT,
                                                    cLEFT, cLEFT, cLEFT, cLEFT, cLEFT}},
    {DO_CLOSE, ME, SECONDARY,
     {cP, cP,       c_,    cLEFT, cLEFT, cLEFT, cLEFT,
                           cTORN, cTORN, cTORN, cTORN, cTORN, cTORN, cLEFT,
                                                    cLEFT, cLEFT, cLEFT, cLEFT, cLEFT}},
};

static const struct table table = {columns, rows, COUNT(rows)};

#define MINE SERVED, {ME, DO_OPEN_FIRST, NOERROR}
#define QUEUED MINE, {SERVER, DO_SEND, NOERROR}
#define FETCHED \
    MINE, {SERVER, DO_SEND_READ, NOERROR}, {ME, DO_FETCH, NOERROR}, {ME, DO_GET_HANDLE, NOERROR}
#define ALL_MINE MINE, {ME, DO_OPEN_SECOND, NOERROR}
#define N NOERROR

/* The ways without an end. Those before JOINED are the primary's only. */
static const struct way ways[] = {
    {"never opened, closed handle", NONE, DNE, DNE, DNE, 0, {{NO_STEP}}},
    {"never opened, null", NONE, DNE, DNE, DNE, 0, {{ME, DO_NULL_HANDLES, N}}},
    {"never opened, no handle", NONE, DNE, DNE, DNE, 0, {{ME, DO_GARBAGE_HANDLES, N}}},
    {"Created", CONF, CONFIGURABLE, DNE, DNE, 0, {CREATED}},
    {"Connected", CONF, CONFIGURABLE, DNE, CONNECTED, 0, {OPENED}},
    {"Configurable", CONF, CONFIGURABLE, DNE, CONFIGURABLE, 0, {BEGUN}},
    {"Configurable, buffers requested", CONF, CONFIGURABLE, DNE, CONFIGURABLE, 0,
     {BEGUN, {SERVER, DO_REQUEST, N}}},
    {"configured", INIT_EARLY, INITIALIZING, INITIALIZING, INITIALIZING, 0, {CONFIGURED}},
    {"configuration fetched", INIT_EARLY, INITIALIZING, INITIALIZING, INITIALIZING, 0,
     {CONFIGURED, {ME, DO_GET_CONFIGURATION, N}}},
    {"agent entered", INIT_EARLY, INITIALIZING, INITIALIZING, ACTIVE, 0, {ATTENDED}},
    {"server Active by its agent and devices", INIT, INITIALIZING, INITIALIZING, ACTIVE, 0,
     {SERVED}},
    {"server Active by its devices alone", INIT, INITIALIZING, INITIALIZING, ACTIVE, 0,
     {CONFIGURED, {SERVER, DO_SERVER_OPEN_DEVICE, N}, {SERVER, DO_SERVER_OPEN_DEVICE, N}}},
    {"commands wait", INIT, INITIALIZING, INITIALIZING, ACTIVE, 0, {SERVED, {SERVER, DO_SEND, N}}},
    {"other client Active", INIT_OTHER, INITIALIZING, ACTIVE, ACTIVE, 0,
     {SERVED, {OTHER, DO_OPEN_FIRST, N}}},
    {"other client has all", INIT_FULL, INITIALIZING, ACTIVE, ACTIVE, 0,
     {SERVED, {OTHER, DO_OPEN_FIRST, N}, {OTHER, DO_OPEN_SECOND, N}}},
    {"this client alone Active", ACT_EARLY, ACTIVE, INITIALIZING, INITIALIZING, 0,
     {CONFIGURED, {ME, DO_OPEN_FIRST, N}}},
    {"client first, then the agent", ACT_EARLY, ACTIVE, INITIALIZING, ACTIVE, 0,
     {CONFIGURED, {ME, DO_OPEN_FIRST, N}, {SERVER, DO_AGENT_START, AGENT_RUNS}}},
    {"device opened", ACT, ACTIVE, INITIALIZING, ACTIVE, 0, {MINE}},
    {"command done", ACT, ACTIVE, INITIALIZING, ACTIVE, 0,
     {QUEUED, {ME, DO_GET_COMMAND, N}, {ME, DO_COMPLETE, N}}},
    {"command queued", ACT_QUEUED, ACTIVE, INITIALIZING, ACTIVE, 0, {QUEUED}},
    {"queued, then closed", ACT_QUEUED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {QUEUED, {SERVER, DO_CLOSE_FIRST, N}}},
    {"command fetched", ACT_HOLDING, ACTIVE, INITIALIZING, ACTIVE, 0, {FETCHED}},
    {"all devices here", ACT_FULL, ACTIVE, INITIALIZING, ACTIVE, 0, {ALL_MINE}},
    {"devices in both clients", ACT_FULL, ACTIVE, ACTIVE, ACTIVE, 0,
     {MINE, {OTHER, DO_OPEN_SECOND, N}}},
    {"closed with a command", ENDING, ACTIVE, INITIALIZING, ACTIVE, 0, {FETCHED, BOTH_CLOSED}},
    {"closed, no agent has come", DONE, ACTIVE, INITIALIZING, ACTIVE, 0,
     {CONFIGURED, {SERVER, DO_SERVER_OPEN_DEVICE, N}, {SERVER, DO_SERVER_OPEN_DEVICE, N},
      {ME, DO_OPEN_FIRST, N}, {SERVER, DO_SEND, N}, BOTH_CLOSED, {ME, DO_FETCH, N},
      {ME, DO_COMPLETE, N}}},
    {"all closed, none fetched", CLOSED, TERMINATED, TERMINATED, TERMINATED, 0,
     {ALL_MINE, BOTH_CLOSED}},
    {"devices of both clients closed", CLOSED, TERMINATED, TERMINATED, TERMINATED, 0,
     {MINE, {OTHER, DO_OPEN_SECOND, N}, BOTH_CLOSED, {OTHER, DO_GET_SECOND, VD_E_CLOSE}}},
    {"one device closed that no client opened", CLOSED, TERMINATED, TERMINATED, TERMINATED, 0,
     {MINE, BOTH_CLOSED, {SERVER, DO_AGENT_JOIN, N}}},
    {"VD_E_CLOSE fetched", TERM, TERMINATED, TERMINATED, TERMINATED, 0,
     {MINE, BOTH_CLOSED, {ME, DO_GET_COMMAND, VD_E_CLOSE}}},
    {"never had a device", TERM, TERMINATED, TERMINATED, TERMINATED, 0, {SERVED, BOTH_CLOSED}},
    {"devices were the other client's", TERM, TERMINATED, TERMINATED, TERMINATED, 0,
     {SERVED, {OTHER, DO_OPEN_FIRST, N}, {OTHER, DO_OPEN_SECOND, N}, BOTH_CLOSED}},
    {"server dead", TERM, TERMINATED, TERMINATED, DNE, 0,
     {ALL_MINE, BOTH_CLOSED, {ME, DO_GET_COMMAND, VD_E_CLOSE}, {ME, DO_GET_SECOND, VD_E_CLOSE},
      {SERVER, DO_KILL, N}}},
    {"other client dead", TERM, TERMINATED, DNE, TERMINATED, 1,
     {MINE, BOTH_CLOSED, {ME, DO_GET_COMMAND, VD_E_CLOSE}, {OTHER, DO_KILL, N}}},
    {"server gone", TERM, TERMINATED, TERMINATED, DNE, 0,
     {ALL_MINE, BOTH_CLOSED, {ME, DO_GET_COMMAND, VD_E_CLOSE}, {ME, DO_GET_SECOND, VD_E_CLOSE},
      {SERVER, DO_SERVER_CLOSE, N}}},
};

/* Ends of every stage, normal or not, by the client's own Close. [ST-03] */
static int way_left(struct way *way, const struct stage *stage, enum who me)
{
    int torn = stage->has & CLIENT_DEVICES && !(stage->has & ENDED);
    if (!stage_has(stage, me) || stage->has & SILENT)
        return 0;
    way_begin(way, stage);
    way->name = stage->name;
    way_add(way, me, DO_CLOSE, torn ? VD_E_OPEN : NOERROR);
    int aborts = torn || (me == PRIMARY && !(stage->has & ENDED));
    enum who other = me == PRIMARY ? SECONDARY : PRIMARY;
    way->other = stage_view(stage, other);
    way->across = stage->server;
    if (aborts) {
        way->other = way->other == DNE ? DNE : ABORTED;
        way->across = way->across == DNE ? DNE : ABORTED;
    }
    way->column = me == PRIMARY ? NONE : LEFT;
    return 1;
}

static void walk_ends(struct walk *walk)
{
    struct way way;
    for (unsigned s = 0; s < COUNT(stages); s++) {
        if (way_left(&way, &stages[s], walk->me))
            walk_way(walk, &way);
        for (unsigned b = 0; b < COUNT(blows); b++) {
            if (!way_abort(&way, &stages[s], &blows[b], walk->me))
                continue;
            way.column = stages[s].has & COMMAND && walk->me == PRIMARY ? ABORT_CMD
                         : stages[s].has & CLIENT_DEVICES               ? ABORT_DEV
                                                                        : ABORT;
            walk_way(walk, &way);
        }
    }
}

/*
 * [ST-01, ST-02, ST-03, ST-04, ST-05, ST-06, ST-20, ST-21, ST-40, ST-41]
 * [AMB-02, AMB-03, AMB-04, AMB-06, AMB-39, AMB-40, AMB-41, AMB-48]
 */
static void walk_clients(int far)
{
    static struct scene scene;
    scene_begin(&scene, far);
    struct walk walk = {.scene = &scene, .table = &table};
    for (walk.me = PRIMARY; walk.me <= SECONDARY; walk.me++) {
        for (unsigned i = 0; i < COUNT(ways); i++)
            if (walk.me == PRIMARY || ways[i].column != CONF)
                walk_way(&walk, &ways[i]);
        walk_ends(&walk);
    }
    scene_end(&scene);
    fprintf(stderr, "%u cells, %s\n", walk.cells, far ? "processes of their own" : "one process");
}

static void run(void)
{
    walk_clients(0);
    walk_clients(1);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {ACTOR_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
