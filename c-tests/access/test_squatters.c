/*
 * Bert is in the place first: what he can put where a set of Anna's or of root's belongs, in a
 * directory where he may write. All are told who is in the way and what to do.
 */
#include "hostile/wire.h"
#include "people.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static char name[NAME_SIZE], other[NAME_SIZE];
static char path[256], other_path[256];

/* What is planted, and what comes of it. */
static const struct row {
    enum deed deed;
    uint32_t flags; /* of a set; it lets the victim in with VDI_CREATE_ALLOW_UID */
    mode_t mode;
    const char *target; /* of a link */
    enum person victim;
    vdi_result create, serve, join;
    /* What the texts of the three have besides the name of the set and the user. */
    const char *create_remedy, *serve_remedy, *join_remedy;
} table[] = {
#define ANOTHER "choose another name"
#define ALLOW "VDI_CREATE_ALLOW_UID"
#define FROM "vdi_server_open_from"
#define FIRST "create it first"
#define REMOVE "remove it"
#define AGAIN "try again"
#define SILENT VD_E_UNEXPECTED
#define SECURITY VD_E_SECURITY
#define INVALID VD_E_INVALID
#define PROTOCOL VD_E_PROTOCOL
    /* A set of his own. */
    {CREATE_SET, 0, 0, 0, ANNA, SECURITY, INVALID, SECURITY, ANOTHER, ALLOW, ALLOW},
    {CREATE_SET, 0, 0, 0, ROOT, PROTOCOL, INVALID, PROTOCOL, ANOTHER, FROM, NULL},
    {CREATE_SET, VDI_CREATE_ALLOW_UID, 0, 0, ANNA, PROTOCOL, INVALID, PROTOCOL, ANOTHER, FROM,
     NULL},
    /* A listener that only looks like one: the server says nothing to it. */
    {PLANT_LISTENER, 0, 0666, 0, ANNA, PROTOCOL, INVALID, 0, ANOTHER, FROM, NULL},
    {PLANT_LISTENER, 0, 0666, 0, ROOT, PROTOCOL, INVALID, 0, ANOTHER, FROM, NULL},
    {PLANT_LISTENER, 0, 0600, 0, ANNA, SECURITY, INVALID, SECURITY, ANOTHER, ALLOW, ALLOW},
    {PLANT_BUSY, 0, 0666, 0, ANNA, PROTOCOL, SILENT, SILENT, ANOTHER, AGAIN, AGAIN},
    /* What looks as if it were left behind; root removes it. */
    {PLANT_SOCKET, 0, 0600, 0, ANNA, SECURITY, INVALID, SECURITY, ANOTHER, ALLOW, ALLOW},
    {PLANT_SOCKET, 0, 0666, 0, ANNA, SECURITY, INVALID, PROTOCOL, ANOTHER, FIRST, FIRST},
    {PLANT_SOCKET, 0, 0600, 0, ROOT, NOERROR, INVALID, PROTOCOL, NULL, FIRST, FIRST},
    /* A link to a set of the victim's own, to one of root's, to nothing. */
    {PLANT_LINK, 0, 0, other_path, ANNA, SECURITY, INVALID, SECURITY, REMOVE, REMOVE, REMOVE},
    {PLANT_LINK, 0, 0, other_path, ROOT, SECURITY, INVALID, SECURITY, REMOVE, REMOVE, REMOVE},
    {PLANT_LINK, 0, 0, "nothing", ANNA, SECURITY, INVALID, SECURITY, REMOVE, REMOVE, REMOVE},
    {PLANT_LINK, 0, 0, "nothing", ROOT, SECURITY, INVALID, SECURITY, REMOVE, REMOVE, REMOVE},
    /* Anything else. */
    {PLANT_FIFO, 0, 0666, 0, ANNA, SECURITY, INVALID, SECURITY, REMOVE, REMOVE, REMOVE},
    {PLANT_FIFO, 0, 0600, 0, ROOT, SECURITY, INVALID, SECURITY, REMOVE, REMOVE, REMOVE},
    {PLANT_DIRECTORY, 0, 0777, 0, ANNA, SECURITY, INVALID, SECURITY, REMOVE, REMOVE, REMOVE},
    {PLANT_DIRECTORY, 0, 0777, 0, ROOT, SECURITY, INVALID, SECURITY, REMOVE, REMOVE, REMOVE},
#undef ANOTHER
#undef ALLOW
#undef FROM
#undef FIRST
#undef REMOVE
#undef AGAIN
#undef SILENT
#undef SECURITY
#undef INVALID
#undef PROTOCOL
};

static void squat(const struct row *row, struct peer bert)
{
    struct wish wish = {.deed = row->deed, .flags = row->flags, .mode = row->mode};
    if (row->deed == CREATE_SET) {
        wish = wish_for(CREATE_SET, name);
        wish.flags = row->flags;
        wish.uid = people[row->victim].user;
        CHECK_RESULT(asked(bert, wish).result, NOERROR);
        return;
    }
    snprintf(wish.path, sizeof wish.path, "%s", path);
    if (row->target != NULL)
        snprintf(wish.name, sizeof wish.name, "%s", row->target);
    asked(bert, wish);
}

/* One call of the victim: refused as the table says, or not. */
static void victim_calls(const struct row *row, struct peer victim, enum deed deed,
                         vdi_result wanted, const char *remedy)
{
    char line[64];
    snprintf(line, sizeof line, "row %d, call %d", (int)(row - table), deed);
    struct outcome outcome = asked_for(victim, deed, name);
    if (remedy != NULL)
        check_refusal(line, outcome, wanted, name, people[row->victim].user, remedy);
    else if (outcome.result != wanted)
        check_failed(__FILE__, __LINE__, "%s: %s; %s", line, vdi_result_name(outcome.result),
                     outcome.text);
    /* Whoever is in the way is named, too. */
    if (outcome.result == VD_E_SECURITY || (deed == CREATE_SET && outcome.result != NOERROR))
        CHECK_CONTAINS(outcome.text, "user 61002");
    asked_for(victim, LEAVE_SET, "");
}

/* [SEC-06, AMB-31, AMB-44, CSET-CREATE-08, SSET-OPEN-04] */
static void one_row(const struct row *row, struct peer bert, struct peer victim)
{
    squat(row, bert);
    victim_calls(row, victim, SERVE, row->serve, row->serve_remedy);
    /* A listener that never answers would keep a secondary for ten seconds. */
    if (row->join != 0)
        victim_calls(row, victim, JOIN, row->join, row->join_remedy);
    victim_calls(row, victim, CREATE_SET, row->create, row->create_remedy);
    if (row->deed == CREATE_SET) {
        CHECK_RESULT(asked_for(bert, LEAVE_SET, "").result, NOERROR);
    } else {
        /* What the victim could remove is gone, with the victim's set. */
        int gone = faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
        CHECK_EQUAL(gone, row->create == NOERROR);
        CHECK_EQUAL(asked_for(bert, UNPLANT, "").heard, 0);
    }
    /* The place is free. */
    CHECK_RESULT(asked_for(victim, CREATE_SET, name).result, NOERROR);
    CHECK_RESULT(asked_for(victim, SERVE, name).result, NOERROR);
    CHECK_RESULT(asked_for(victim, LEAVE_SET, "").result, NOERROR);
}

/* What a dead primary leaves is no place for strangers: its user takes it again. [CRASH-06] */
static void after_a_death(struct peer bert, struct peer anna)
{
    struct peer dies = person_comes(ANNA, 077);
    CHECK_RESULT(asked_for(dies, CREATE_SET, name).result, NOERROR);
    kill_and_wait(dies);
    struct outcome outcome = asked_for(bert, CREATE_SET, name);
    check_refusal("after a death", outcome, VD_E_SECURITY, name, people[BERT].user,
                  "choose another name");
    CHECK_CONTAINS(outcome.text, "user 61001");
    CHECK_RESULT(asked_for(anna, CREATE_SET, name).result, NOERROR);
    CHECK_RESULT(asked_for(anna, LEAVE_SET, "").result, NOERROR);
}

/*
 * Who may open the directory can keep its lock: creating then fails, after five seconds; what was
 * created before goes on. Where he may not open it he cannot.
 */
static void the_lock(struct peer bert, struct peer anna)
{
    const char *runtime = getenv("VDI_RUNTIME_DIR");
    struct wish wish = {.deed = HOLD_LOCK};
    snprintf(wish.path, sizeof wish.path, "%s", runtime);
    CHECK_RESULT(asked_for(anna, CREATE_SET, other).result, NOERROR);
    asked(bert, wish);
    check_refusal("lock", asked_for(anna, CREATE_SET, name), VD_E_UNEXPECTED, runtime,
                  people[ANNA].user, "set VDI_RUNTIME_DIR to a directory that strangers");
    CHECK_RESULT(asked_for(anna, SERVE, other).result, NOERROR);
    asked_for(bert, UNPLANT, "");
    CHECK_RESULT(asked_for(anna, LEAVE_SET, "").result, NOERROR);
}

static void run(void)
{
    if (geteuid() != 0)
        skip("needs root to become other users");
    open_runtime_directory();
    unique_name(name);
    unique_name(other);
    snprintf(path, sizeof path, "%s", wire_address(name).sun_path);
    snprintf(other_path, sizeof other_path, "%s", wire_address(other).sun_path);
    struct peer bert = person_comes(BERT, 0);
    struct peer victims[] = {[ROOT] = person_comes(ROOT, 022), [ANNA] = person_comes(ANNA, 022)};
    struct peer guard = person_comes(ANNA, 022);
    CHECK_RESULT(asked_for(guard, CREATE_SET, other).result, NOERROR);
    for (const struct row *row = table; row < table + COUNT(table); row++)
        one_row(row, bert, victims[row->victim]);
    /* Nobody came to the set to which the links led, or took part in it. */
    CHECK_RESULT(asked_for(guard, LEAVE_SET, "").result, NOERROR);
    person_goes(guard);
    after_a_death(bert, victims[ANNA]);
    the_lock(bert, victims[ANNA]);
    person_goes(bert);
    person_goes(victims[ROOT]);
    person_goes(victims[ANNA]);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {PERSON_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
