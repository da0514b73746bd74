/*
 * Who may join a set: a table of creators, of what they allow, and of those who come. Real
 * processes under their users and groups, with every umask.
 */
#include "people.h"

#include <dirent.h>

/* How one comes, and what the columns of the table are. */
enum way { AS_SECONDARY, AS_SERVER, FOR_CREATOR, FOR_OPERATORS, FOR_STRANGER, WAYS };

/*
 * A letter for everyone who comes, in the order of `people`: + is let in, c is not let in by the
 * creator, s the server itself does not take the set of this creator.
 */
static const struct row {
    enum person creator;
    uint32_t flags;
    uid_t uid;
    gid_t gid;
    mode_t mode; /* of the socket; 0 if it cannot be created */
    const char *secondary, *server, *for_creator, *for_operators;
} table[] = {
#define UID VDI_CREATE_ALLOW_UID
#define GID VDI_CREATE_ALLOW_GID
    /*                                     secondary, server, one who takes sets of the creator's
                                           user, and one who takes those of the operators */
    {ROOT, 0, 0, 0, 0600,                  "+cccc", "+cccc", "+cccc", "+cccc"},
    {ROOT, UID, 61001, 0, 0666,            "++ccc", "++ccc", "++ccc", "++ccc"},
    {ROOT, GID, 0, OPERATORS, 0660,        "++c++", "++c++", "++c++", "++c++"},
    {ROOT, UID | GID, 61002, OPERATORS, 0666, "+++++", "+++++", "+++++", "+++++"},
    {ANNA, 0, 0, 0, 0600,                  "++ccc", "s+ccc", "++ccc", "++ccc"},
    {ANNA, UID, 61001, 0, 0600,            "++ccc", "s+ccc", "++ccc", "++ccc"},
    {ANNA, UID, 61002, 0, 0666,            "+++cc", "s+sss", "+++cc", "+++cc"},
    {ANNA, GID, 0, 61001, 0660,            "++ccc", "s+ccc", "++ccc", "++ccc"},
    {ANNA, GID, 0, OPERATORS, 0660,        "++c++", "s+css", "++c++", "++c++"},
    {ANNA, UID | GID, 61002, OPERATORS, 0666, "+++++", "s+sss", "+++++", "+++++"},
    {BERT, 0, 0, 0, 0600,                  "+c+cc", "sc+cc", "+c+cc", "sc+cc"},
    {BERT, UID, 61001, 0, 0666,            "+++cc", "ss+ss", "+++cc", "ss+ss"},
    {BERT, GID, 0, 61002, 0660,            "+c+cc", "sc+cc", "+c+cc", "sc+cc"},
    {BERT, GID, 0, OPERATORS, 0, NULL, NULL, NULL, NULL},
    {CARL, 0, 0, 0, 0600,                  "+cc+c", "scc+c", "+cc+c", "+cc+c"},
    {CARL, UID, 61002, 0, 0666,            "+c++c", "sss+s", "+c++c", "+c++c"},
    {CARL, GID, 0, OPERATORS, 0660,        "++c++", "ssc+s", "++c++", "++c++"},
#undef UID
#undef GID
};

static const mode_t masks[] = {0, 022, 077, 0777};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The verdict of the table. */
static char expected(const struct row *row, enum way way, enum person visitor)
{
    const char *const columns[WAYS] = {row->secondary, row->server, row->for_creator,
                                       row->for_operators, row->server};
    return columns[way][visitor];
}

/* The only file in the runtime directory. */
static struct stat the_socket(void)
{
    DIR *directory = opendir(getenv("VDI_RUNTIME_DIR"));
    CHECK(directory != NULL);
    struct stat found = {0};
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        CHECK(fstatat(dirfd(directory), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0);
        count++;
    }
    closedir(directory);
    CHECK_EQUAL(count, 1);
    return found;
}

/* The socket is its creator's; its mode does not depend on the umask. [SEC-05, SEC-03, AMB-26] */
static void check_socket(const struct row *row)
{
    struct stat found = the_socket();
    const struct member *creator = &people[row->creator];
    CHECK(S_ISSOCK(found.st_mode));
    CHECK_EQUAL(found.st_mode & 07777, row->mode);
    CHECK_EQUAL(found.st_uid, creator->user);
    CHECK_EQUAL(found.st_gid, row->flags & VDI_CREATE_ALLOW_GID ? row->gid : creator->group);
}

static struct outcome comes(const struct row *row, enum way way, struct peer visitor,
                            const char *name)
{
    struct wish wish = wish_for(way == AS_SECONDARY ? JOIN : SERVE_FROM, name);
    switch (way) {
    case AS_SERVER:
        wish.deed = SERVE;
        break;
    case FOR_OPERATORS:
        wish.flags = VDI_OPEN_ALLOW_GID;
        wish.gid = OPERATORS;
        break;
    default:
        wish.flags = VDI_OPEN_ALLOW_UID;
        wish.uid = way == FOR_CREATOR ? people[row->creator].user : STRANGER;
    }
    return asked(visitor, wish);
}

/*
 * One visitor of one set. For a server, what it may not open is not there; a client is told. A
 * secondary that is let in learns that the set is not configured. [SEC-06, AMB-31, SSET-OPEN-04]
 */
static void visit(const struct row *row, enum way way, struct peer *everybody, enum person visitor)
{
    struct peer creator = everybody[row->creator];
    char name[NAME_SIZE], line[256], taker[32];
    unique_name(name);
    char verdict = expected(row, way, visitor);
    snprintf(line, sizeof line, "row %d, way %d, visitor %d", (int)(row - table), way, visitor);
    struct wish creation = wish_for(CREATE_SET, name);
    creation.flags = row->flags;
    creation.uid = row->uid;
    creation.gid = row->gid;
    CHECK_RESULT(asked(creator, creation).result, NOERROR);
    check_socket(row);

    struct outcome outcome = comes(row, way, everybody[visitor], name);
    vdi_result refused = way == AS_SECONDARY ? VD_E_SECURITY : VD_E_INVALID;
    if (verdict == 'c') {
        check_refusal(line, outcome, refused, name, people[visitor].user, "VDI_CREATE_ALLOW_UID");
    } else if (verdict == 's') {
        check_refusal(line, outcome, refused, name, people[row->creator].user,
                      "vdi_server_open_from");
        CHECK_CONTAINS(outcome.text, user_text(taker, people[visitor].user));
    } else if (way == AS_SECONDARY) {
        if (outcome.result != VD_E_PROTOCOL)
            check_failed(__FILE__, __LINE__, "%s: %s", line, outcome.text);
        CHECK_CONTAINS(outcome.text, "has not configured the set");
    } else {
        if (outcome.result != NOERROR)
            check_failed(__FILE__, __LINE__, "%s: %s", line, outcome.text);
        CHECK_EQUAL(outcome.uid, people[row->creator].user);
        CHECK_EQUAL(outcome.gid, people[row->creator].group);
        CHECK_EQUAL(outcome.pid, creator.pid);
    }
    CHECK_RESULT(asked_for(everybody[visitor], LEAVE_SET, "").result, NOERROR);
    CHECK_RESULT(asked_for(creator, LEAVE_SET, "").result, NOERROR);
}

/* Who is not in a group cannot let it in; nothing remains. [CSET-CREATE-08, CSET-CREATE-10] */
static void cannot_create(const struct row *row, struct peer creator)
{
    char name[NAME_SIZE], group[32];
    unique_name(name);
    struct wish wish = wish_for(CREATE_SET, name);
    wish.flags = row->flags;
    wish.gid = row->gid;
    struct outcome outcome = asked(creator, wish);
    check_refusal("create", outcome, VD_E_SECURITY, name, people[row->creator].user,
                  "must be a member");
    snprintf(group, sizeof group, "group %u", (unsigned)row->gid);
    CHECK_CONTAINS(outcome.text, group);
}

/* Same user or root, or whom the creator names; both sides have a say. [SEC-04, SEC-06, AMB-26] */
static void walk_the_table(mode_t mask)
{
    struct peer everybody[PEOPLE];
    for (int person = 0; person < PEOPLE; person++)
        everybody[person] = person_comes((enum person)person, mask);
    for (const struct row *row = table; row < table + COUNT(table); row++) {
        if (row->mode == 0) {
            cannot_create(row, everybody[row->creator]);
            continue;
        }
        for (int visitor = 0; visitor < PEOPLE; visitor++)
            for (int way = 0; way < WAYS; way++)
                visit(row, (enum way)way, everybody, (enum person)visitor);
    }
    for (int person = 0; person < PEOPLE; person++)
        person_goes(everybody[person]);
}

static void run(void)
{
    if (geteuid() != 0)
        skip("needs root to become other users");
    open_runtime_directory();
    for (unsigned i = 0; i < COUNT(masks); i++)
        walk_the_table(masks[i]);
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {PERSON_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
