/*
 * walk.h - walks a table of states and calls
 *
 * A way is a script that leads into a state; a row has one call and what it does in every column,
 * which are the states of the specification and those of their parts in which a call differs. The
 * walk takes every way and makes every call there; it compares the result, what the caller sees
 * afterwards, and what everybody else sees.
 */
#ifndef WALK_H
#define WALK_H

#include "scene.h"

/* In a script, the actor whose table is walked, and the other client. */
enum { ME = ACTORS, OTHER };

#define MOVES 32
#define COLUMNS 24

struct move {
    int who;
    enum step step;
    int64_t wanted;
};

struct way {
    const char *name;
    int column;
    /* What they see at its end: the caller, the other client (for the server, the secondary), and
     * the other side (for the server, the primary). The visitor sees nothing. */
    enum view me, other, across;
    /* The primary has gone: the name of the set leads nowhere. */
    int orphaned;
    struct move script[MOVES];
};

/* Views of a cell that are none. */
enum { SAME = 100, ANY };

/* The call is not made here. */
#define SKIP 3

struct cell {
    int64_t result;
    int own, others;
};

struct row {
    enum step step;
    /* ME or VISITOR. */
    int who;
    /* Who may be ME in this row: PRIMARY, SECONDARY, SERVER; or ME for anyone. */
    int only;
    struct cell cells[COLUMNS];
};

struct table {
    const char *const *columns;
    const struct row *rows;
    unsigned row_count;
};

/* Cells: the result, and what it changes. */
#define c_ {SKIP, SAME, SAME}
#define cN {NOERROR, SAME, SAME}
#define cP {VD_E_PROTOCOL, SAME, SAME}
#define cA {VD_E_ABORT, SAME, SAME}
#define cI {VD_E_INVALID, SAME, SAME}
#define cT {VD_E_TIMEOUT, SAME, SAME}
#define cO {VD_E_OPEN, SAME, SAME}
#define cB {VD_E_BUSY, SAME, SAME}
#define cTRUE {1, SAME, SAME}
#define TO(result, own, others) {result, own, others}

struct walk {
    struct scene *scene;
    const struct table *table;
    const struct way *way;
    enum who me;
    const char *call;
    enum view before[ACTORS];
    unsigned cells;
};

/* Tells the state, the way into it, the call, and what differs. */
static inline void walk_check(struct walk *walk, const char *what, enum who who, int64_t got,
                              const char *got_name, int64_t wanted, const char *wanted_name)
{
    if (got == wanted)
        return;
    check_failed("walk", (int)walk->cells,
                 "state %s, way \"%s\" (%s, %s), call %s: %s of the %s is %s (%d), not %s (%d)",
                 walk->table->columns[walk->way->column], walk->way->name, who_names[walk->me],
                 walk->scene->far ? "processes of their own" : "one process", walk->call, what,
                 who_names[who], got_name, (int)got, wanted_name, (int)wanted);
}

static inline void walk_check_result(struct walk *walk, enum who who, int64_t got, int64_t wanted)
{
    walk_check(walk, "result", who, got, vdi_result_name((vdi_result)got), wanted,
               vdi_result_name((vdi_result)wanted));
}

static inline void walk_check_view(struct walk *walk, enum who who, enum view wanted)
{
    enum view got = scene_view(walk->scene, who);
    walk_check(walk, "view", who, got, view_names[got], wanted, view_names[wanted]);
}

static inline enum who walk_who(const struct walk *walk, int who)
{
    if (who == ME)
        return walk->me;
    if (who == OTHER)
        return walk->me == SECONDARY ? PRIMARY : SECONDARY;
    return (enum who)who;
}

/* Takes the way, and checks that everybody sees where it leads. */
static inline void walk_there(struct walk *walk)
{
    const struct way *way = walk->way;
    scene_reset(walk->scene);
    for (const struct move *move = way->script; move->step != NO_STEP; move++) {
        walk->call = step_names[move->step];
        enum who who = walk_who(walk, move->who);
        walk_check_result(walk, who, scene_do(walk->scene, who, move->step), move->wanted);
    }
    walk->call = "(the way)";
    walk->before[walk->me] = way->me;
    walk->before[walk->me == SERVER ? PRIMARY : SERVER] = way->across;
    walk->before[walk_who(walk, OTHER)] = way->other;
    walk->before[VISITOR] = DNE;
    for (int who = 0; who < ACTORS; who++)
        walk_check_view(walk, (enum who)who, walk->before[who]);
}

/* Makes the call of one cell; whether everything is as it was. */
static inline int walk_cell(struct walk *walk, const struct row *row, const struct cell *cell)
{
    enum who caller = walk_who(walk, row->who);
    enum step step = row->step;
    if (step == DO_AGENT_CALL && cell->result == AGENT_RUNS)
        step = DO_AGENT_START;
    walk->call = step_names[row->step];
    walk->cells++;
    walk_check_result(walk, caller, scene_do(walk->scene, caller, step), cell->result);
    for (int who = 0; who < ACTORS; who++) {
        enum view before = walk->before[who];
        int wanted = who == (int)caller ? cell->own : before == DNE ? SAME : cell->others;
        if (wanted != ANY)
            walk_check_view(walk, (enum who)who, wanted == SAME ? before : (enum view)wanted);
    }
    if (step == DO_AGENT_START) {
        walk->call = "the end of the agent";
        walk_check_result(walk, caller, scene_do(walk->scene, caller, DO_FINISH), NOERROR);
    }
    return cell->result != NOERROR && cell->result != AGENT_RUNS && cell->own == SAME &&
           cell->others == SAME;
}

/* Whether the way can be gone in this scene: killing needs processes. */
static inline int walk_can(const struct walk *walk, const struct way *way)
{
    int kills = 0;
    for (const struct move *move = way->script; move->step != NO_STEP; move++)
        kills |= move->step == DO_KILL;
    return !kills || walk->scene->far;
}

/* All calls at the end of one way. What is refused must not change anything for the next. */
static inline void walk_way(struct walk *walk, const struct way *way)
{
    int there = 0;
    if (!walk_can(walk, way))
        return;
    walk->way = way;
    for (unsigned i = 0; i < walk->table->row_count; i++) {
        const struct row *row = &walk->table->rows[i];
        const struct cell *cell = &row->cells[way->column];
        if (cell->result == SKIP || (row->only != ME && row->only != (int)walk->me) ||
            (row->who == VISITOR && way->orphaned))
            continue;
        if (!there)
            walk_there(walk);
        there = walk_cell(walk, row, cell);
    }
}

#endif
