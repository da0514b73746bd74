/*
 * Every call of a device in every state of it, on both sides, by every way into the state; the
 * other device of the set goes on.
 */
#include "ways.h"

enum {
    CLIENT_ONLY,  /* opened by the client, not by the server */
    SERVER_ONLY,  /* opened by the server, not by the client */
    ACT,          /* Active */
    ACT_QUEUED,   /* ... a command is queued */
    FAILED,       /* IO-ERROR */
    FAILED_HELD,  /* IO-ERROR, and a command that was fetched before is not completed */
    CLEARING,     /* IO-ERROR, ClearError is queued */
    CLOSED,       /* Closed, VD_E_CLOSE was not fetched */
    CLOSED_QUEUE, /* Closed, a command is queued */
    CLOSED_HELD,  /* Closed, a command was fetched and is not completed */
    FETCHED,      /* Closed, VD_E_CLOSE was fetched */
    DEAD,         /* aborted */
};

static const char *const columns[] = {
    "open for the client only",
    "open for the server only",
    "Active",
    "Active (command queued)",
    "IO-ERROR",
    "IO-ERROR (command fetched before)",
    "IO-ERROR (ClearError queued)",
    "Closed",
    "Closed (command queued)",
    "Closed (command fetched)",
    "Closed (VD_E_CLOSE fetched)",
    "aborted",
};

#define cE TO(VD_E_IO_ERROR, SAME, SAME)
/* The client becomes Active. */
#define cNEW TO(NOERROR, ACTIVE, SAME)
#define cC TO(VD_E_CLOSE, SAME, SAME)
/* VD_E_CLOSE is returned once; what the caller sees of the set is that of its other device. */
#define cONCE TO(VD_E_CLOSE, ANY, SAME)

/* The commands are the server's, to the first device; the client has opened this and the second. */
static const struct row rows[] = {
    /*                         open   Active  IO-ERROR      Closed                 dead */
    {DO_OPEN_FIRST, ME, ME,      {cP, cNEW,  cP, cP,  cP, cP, cP,  cP, cP, cP, cP,        cA}},
    {DO_GET_COMMAND, ME, ME,     {cT, cP,   cT, cN,  cT, cT, cN,  cONCE, cN, cT, cP,     cA}},
    {DO_COMPLETE, ME, ME,        {cI, cP,   cI, cI,  cI, cN, cI,  cI, cI, cN, cP,        cA}},
    {DO_SEND, SERVER, ME,        {cP, cN,   cN, cN,  cE, cE, cE,  cP, cP, cP, cP,        cA}},
    {DO_SEND_CLEAR, SERVER, ME,  {cP, cN,   cN, cN,  cN, cN, cN,  cP, cP, cP, cP,        cA}},
    {DO_SEND_OTHER, SERVER, ME,  {cP, cN,   cN, cN,  cN, cN, cN,  cN, cN, cN, cN,        cA}},
    {DO_CLOSE_FIRST, SERVER, ME, {cP, cN,   cN, cN,  cN, cN, cN,  cC, cC, cC, cC,        cA}},
};

static const struct table table = {columns, rows, COUNT(rows)};

#define N NOERROR
#define MINE SERVED, {ME, DO_OPEN_FIRST, N}
#define ONE_FAILED \
    MINE, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N}, {ME, DO_FAIL, N}, {SERVER, DO_SETTLE, N}
#define CLEAR_SENT ONE_FAILED, {SERVER, DO_SEND_CLEAR, N}
#define CLEARED CLEAR_SENT, {ME, DO_FETCH, N}, {ME, DO_COMPLETE, N}, {SERVER, DO_SETTLE, N}
#define CLOSE_IT {SERVER, DO_CLOSE_FIRST, N}
#define END_IT {ME, DO_GET_COMMAND, VD_E_CLOSE}

static const struct way ways[] = {
    {"client first", CLIENT_ONLY, ACTIVE, INITIALIZING, INITIALIZING, 0,
     {CONFIGURED, {ME, DO_OPEN_FIRST, N}}},
    {"server first", SERVER_ONLY, INITIALIZING, INITIALIZING, ACTIVE, 0, {SERVED}},
    {"server first, with a command", SERVER_ONLY, INITIALIZING, INITIALIZING, ACTIVE, 0,
     {SERVED, {SERVER, DO_SEND, N}}},
    {"opened", ACT, ACTIVE, INITIALIZING, ACTIVE, 0, {MINE}},
    {"client first, then the server", ACT, ACTIVE, INITIALIZING, ACTIVE, 0,
     {ATTENDED, {ME, DO_OPEN_FIRST, N}, {SERVER, DO_SERVER_OPEN_DEVICE, N},
      {SERVER, DO_SERVER_OPEN_DEVICE, N}}},
    {"sent before the client opened", ACT_QUEUED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {SERVED, {SERVER, DO_SEND, N}, {ME, DO_OPEN_FIRST, N}}},
    {"error cleared", ACT, ACTIVE, INITIALIZING, ACTIVE, 0, {CLEARED}},
    {"sent after an error was cleared", ACT_QUEUED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {CLEARED, {SERVER, DO_SEND, N}}},
    {"command failed", FAILED, ACTIVE, INITIALIZING, ACTIVE, 0, {ONE_FAILED}},
    {"command failed, ClearError failed", FAILED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {CLEAR_SENT, {ME, DO_FETCH, N}, {ME, DO_FAIL, N}, {SERVER, DO_SETTLE, N}}},
    {"failed again after it was cleared", FAILED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {CLEARED, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N}, {ME, DO_FAIL, N}, {SERVER, DO_SETTLE, N}}},
    {"failed, others queued", FAILED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {MINE, {SERVER, DO_SEND, N}, {SERVER, DO_SEND, N}, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N},
      {ME, DO_FAIL, N}, {SERVER, DO_LAST_CODE, ERROR_IO_DEVICE}}},
    {"failed, then a fetched one succeeded", FAILED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {MINE, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N}, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N},
      {ME, DO_FAIL_PREVIOUS, N}, {ME, DO_COMPLETE, N}, {SERVER, DO_SETTLE, N}}},
    {"failed before a fetched one", FAILED_HELD, ACTIVE, INITIALIZING, ACTIVE, 0,
     {MINE, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N}, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N},
      {ME, DO_FAIL_PREVIOUS, N}, {SERVER, DO_SETTLE_FIRST, N}}},
    {"ClearError waits for a fetched one", FAILED_HELD, ACTIVE, INITIALIZING, ACTIVE, 0,
     {MINE, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N}, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N},
      {ME, DO_FAIL_PREVIOUS, N}, {SERVER, DO_SETTLE_FIRST, N}, {SERVER, DO_SEND_CLEAR, N}}},
    {"ClearError queued", CLEARING, ACTIVE, INITIALIZING, ACTIVE, 0, {CLEAR_SENT}},
    {"closed", CLOSED, ACTIVE, INITIALIZING, ACTIVE, 0, {MINE, CLOSE_IT}},
    {"closed after a command", CLOSED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {MINE, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N}, CLOSE_IT, {ME, DO_GET_COMMAND, VD_E_TIMEOUT},
      {ME, DO_COMPLETE, N}, {SERVER, DO_SETTLE, N}}},
    {"closed before the client opened", CLOSED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {SERVED, CLOSE_IT, {ME, DO_OPEN_FIRST, N}}},
    {"closed in IO-ERROR", CLOSED, ACTIVE, INITIALIZING, ACTIVE, 0, {ONE_FAILED, CLOSE_IT}},
    {"closed with ClearError queued", CLOSED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {CLEAR_SENT, CLOSE_IT}},
    {"closed, then failed", CLOSED, ACTIVE, INITIALIZING, ACTIVE, 0,
     {MINE, {SERVER, DO_SEND, N}, {SERVER, DO_SEND, N}, CLOSE_IT, {ME, DO_FETCH, N},
      {ME, DO_FAIL, N}, {SERVER, DO_LAST_CODE, ERROR_IO_DEVICE}}},
    {"closed behind a command", CLOSED_QUEUE, ACTIVE, INITIALIZING, ACTIVE, 0,
     {MINE, {SERVER, DO_SEND, N}, CLOSE_IT}},
    {"closed behind a fetched command", CLOSED_HELD, ACTIVE, INITIALIZING, ACTIVE, 0,
     {MINE, {SERVER, DO_SEND, N}, {ME, DO_FETCH, N}, CLOSE_IT}},
    {"closed behind two commands", CLOSED_HELD, ACTIVE, INITIALIZING, ACTIVE, 0,
     {MINE, {SERVER, DO_SEND, N}, {SERVER, DO_SEND, N}, CLOSE_IT, {ME, DO_FETCH, N},
      {ME, DO_COMPLETE, N}, {ME, DO_FETCH, N}}},
    {"closed and fetched", FETCHED, INITIALIZING, INITIALIZING, ACTIVE, 0,
     {MINE, CLOSE_IT, END_IT}},
    {"closed in IO-ERROR and fetched", FETCHED, INITIALIZING, INITIALIZING, ACTIVE, 0,
     {ONE_FAILED, CLOSE_IT, END_IT}},
    {"the close ends a ClearError", FETCHED, INITIALIZING, INITIALIZING, ACTIVE, 0,
     {CLEAR_SENT, CLOSE_IT, END_IT, {SERVER, DO_LAST_CODE, ERROR_OPERATION_ABORTED}}},
};

/* An abort in each of these states of the device. */
static const struct way lives[] = {
    {"Active", DEAD, ABORTED, ABORTED, ABORTED, 0, {MINE}},
    {"Active with a command", DEAD, ABORTED, ABORTED, ABORTED, 0, {MINE, {SERVER, DO_SEND, N}}},
    {"IO-ERROR", DEAD, ABORTED, ABORTED, ABORTED, 0, {ONE_FAILED}},
    {"IO-ERROR with ClearError", DEAD, ABORTED, ABORTED, ABORTED, 0, {CLEAR_SENT}},
    {"Closed", DEAD, ABORTED, ABORTED, ABORTED, 0, {MINE, CLOSE_IT}},
    {"Closed with a command", DEAD, ABORTED, ABORTED, ABORTED, 0,
     {MINE, {SERVER, DO_SEND, N}, CLOSE_IT}},
    {"Closed and fetched", DEAD, ABORTED, ABORTED, ABORTED, 0, {MINE, CLOSE_IT, END_IT}},
    {"Normally Terminated", DEAD, ABORTED, ABORTED, ABORTED, 0,
     {MINE, CLOSE_IT, {SERVER, DO_CLOSE_SECOND, N}, END_IT}},
};

static void walk_aborted(struct walk *walk)
{
    static const struct move aborts[] = {
        {ME, DO_SIGNAL_ABORT, N}, {OTHER, DO_SIGNAL_ABORT, N}, {SERVER, DO_SERVER_SIGNAL_ABORT, N}};
    for (unsigned i = 0; i < COUNT(lives); i++)
        for (unsigned by = 0; by < COUNT(aborts); by++) {
            struct way way = lives[i];
            way_add(&way, aborts[by].who, aborts[by].step, N);
            walk_way(walk, &way);
        }
}

/* [DEV-01, DEV-02, DEV-03, ST-20, AMB-17, AMB-39] */
static void walk_devices(int far)
{
    static struct scene scene;
    scene_begin(&scene, far);
    struct walk walk = {.scene = &scene, .table = &table};
    for (walk.me = PRIMARY; walk.me <= SECONDARY; walk.me++) {
        for (unsigned i = 0; i < COUNT(ways); i++)
            walk_way(&walk, &ways[i]);
        walk_aborted(&walk);
    }
    scene_end(&scene);
    fprintf(stderr, "%u cells, %s\n", walk.cells, far ? "processes of their own" : "one process");
}

static void run(void)
{
    walk_devices(0);
    walk_devices(1);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {ACTOR_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
