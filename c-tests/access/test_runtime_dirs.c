/*
 * Where processes may meet: a table of runtime directories, with a /tmp and a /run that are made
 * anew for every row and that nobody else sees.
 */
#include "people.h"

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What somebody has made before the library looks. */
struct made {
    enum { NOTHING, DIRECTORY, LINK, PLAIN_FILE, READ_ONLY } kind;
    const char *path;
    uid_t owner;
    gid_t group;
    mode_t mode;
    const char *target;
};

#define DIR_OF(user, path, mode) {DIRECTORY, path, user, user, mode, NULL}
#define DIR_FOR_OPERATORS(path, mode) {DIRECTORY, path, 0, OPERATORS, mode, NULL}
#define LINK_OF(user, path, target) {LINK, path, user, user, 0, target}
#define FILE_OF(user, path) {PLAIN_FILE, path, user, user, 0666, NULL}
#define READ_ONLY_OF(user, path) {READ_ONLY, path, user, user, 0700, NULL}

/* User ids of the people. */
enum { A = 61001, B = 61002 };

static const struct row {
    enum person who;
    struct made made[2];
    /* VDI_RUNTIME_DIR and XDG_RUNTIME_DIR; not set if NULL. */
    const char *chosen, *session;
    /* Where the socket appears; NULL if the directory is refused. */
    const char *met;
    /* Whether the library made that directory. */
    int fresh;
    /* What the text of a refusal has, and its code if it is not VD_E_SECURITY. */
    const char *object, *remedy, *detail;
    vdi_result code;
    /* Who only joins may look into the directory, and finds no set there. */
    int readable;
} table[] = {
#define OTHER "set VDI_RUNTIME_DIR to a directory"
#define REAL "make it a real directory"
#define ABSOLUTE "set it to an absolute path"
#define SHORTER "set VDI_RUNTIME_DIR to a shorter path"
#define SIXTY_FIVE "01234567890123456789012345678901234567890123456789012345678901234"
    /* A chosen directory. */
    {ANNA, {DIR_OF(A, "/tmp/d", 0700)}, .chosen = "/tmp/d", .met = "/tmp/d"},
    {ANNA, {DIR_OF(A, "/tmp/d", 0755)}, .chosen = "/tmp/d", .met = "/tmp/d"},
    {ANNA, {DIR_OF(A, "/tmp/d", 0700)}, .chosen = "/tmp//d/./", .met = "/tmp/d"},
    {ANNA, {DIR_OF(0, "/tmp/d", 01777)}, .chosen = "/tmp/d", .met = "/tmp/d"},
    {ANNA, {DIR_OF(A, "/tmp/d", 01777)}, .chosen = "/tmp/d", .met = "/tmp/d"},
    {ANNA, {DIR_FOR_OPERATORS("/tmp/d", 03770)}, .chosen = "/tmp/d", .met = "/tmp/d"},
    {CARL, {DIR_FOR_OPERATORS("/tmp/d", 03770)}, .chosen = "/tmp/d", .met = "/tmp/d"},
    {ROOT, {DIR_OF(0, "/tmp/d", 0755)}, .chosen = "/tmp/d", .met = "/tmp/d"},
    {BERT, {DIR_FOR_OPERATORS("/tmp/d", 03770)}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = OTHER},
    {ANNA, {DIR_OF(0, "/tmp/d", 0777)}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = "chmod +t /tmp/d"},
    {ROOT, {DIR_OF(0, "/tmp/d", 0777)}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = "chmod +t /tmp/d"},
    {ANNA, {DIR_OF(A, "/tmp/d", 0777)}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = "chmod +t /tmp/d"},
    {ANNA, {DIR_FOR_OPERATORS("/tmp/d", 02770)}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = "chmod +t /tmp/d"},
    {ANNA, {DIR_OF(B, "/tmp/d", 01777)}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = OTHER, .detail = "belongs to user 61002"},
    {ROOT, {DIR_OF(B, "/tmp/d", 0700)}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = OTHER, .detail = "belongs to user 61002"},
    {ANNA, {DIR_OF(A, "/tmp/d", 0700), LINK_OF(0, "/tmp/l", "/tmp/d")}, .chosen = "/tmp/l",
     .object = "/tmp/l", .remedy = REAL},
    {ANNA, {DIR_OF(A, "/tmp/d", 0700), LINK_OF(A, "/tmp/l", "d")}, .chosen = "/tmp/l/",
     .object = "/tmp/l", .remedy = REAL},
    {ROOT, {LINK_OF(B, "/tmp/l", "/nowhere")}, .chosen = "/tmp/l/.",
     .object = "/tmp/l", .remedy = REAL},
    {ANNA, {FILE_OF(A, "/tmp/f")}, .chosen = "/tmp/f", .object = "/tmp/f", .remedy = REAL},
    {ANNA, .chosen = "/tmp/d", .object = "/tmp/d", .remedy = OTHER, .code = VD_E_UNEXPECTED},
    {ANNA, {DIR_OF(0, "/tmp/d", 0555)}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = OTHER, .readable = 1},
    {ANNA, {READ_ONLY_OF(A, "/tmp/d")}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = OTHER, .readable = 1},
    {ROOT, {READ_ONLY_OF(0, "/tmp/d")}, .chosen = "/tmp/d",
     .object = "/tmp/d", .remedy = OTHER, .readable = 1},
    {ANNA, .chosen = "relative", .object = "\"relative\"", .remedy = ABSOLUTE,
     .detail = "VDI_RUNTIME_DIR", .code = VD_E_UNEXPECTED},
    {ANNA, .chosen = "", .object = "\"\"", .remedy = ABSOLUTE,
     .detail = "VDI_RUNTIME_DIR", .code = VD_E_UNEXPECTED},
    {ANNA, {DIR_OF(A, "/tmp/" SIXTY_FIVE, 0700)}, .chosen = "/tmp/" SIXTY_FIVE,
     .met = "/tmp/" SIXTY_FIVE},
    {ANNA, {DIR_OF(A, "/tmp/+" SIXTY_FIVE, 0700)}, .chosen = "/tmp/+" SIXTY_FIVE,
     .object = "/tmp/+" SIXTY_FIVE, .remedy = SHORTER, .code = VD_E_UNEXPECTED},
    /* The directory of the machine. */
    {ANNA, {DIR_OF(0, "/run/vdi", 01777)}, .met = "/run/vdi"},
    {DORA, {DIR_FOR_OPERATORS("/run/vdi", 03770)}, .met = "/run/vdi"},
    {BERT, {DIR_FOR_OPERATORS("/run/vdi", 03770)}, .met = "/tmp/vdi-61002", .fresh = 1},
    {ANNA, {DIR_OF(0, "/run/vdi", 0755)}, .met = "/tmp/vdi-61001", .fresh = 1},
    {ANNA, {DIR_OF(0, "/run/vdi", 0777)}, .object = "/run/vdi", .remedy = "chmod +t /run/vdi"},
    {ANNA, {DIR_OF(B, "/run/vdi", 01777)}, .object = "/run/vdi", .remedy = OTHER,
     .detail = "belongs to user 61002"},
    {ANNA, {DIR_OF(A, "/tmp/d", 0700), LINK_OF(0, "/run/vdi", "/tmp/d")},
     .object = "/run/vdi", .remedy = REAL},
    /* The directory of a session. */
    {ANNA, {DIR_OF(A, "/run/s", 0700)}, .session = "/run/s", .met = "/run/s/vdi", .fresh = 1},
    {ROOT, {DIR_OF(A, "/run/s", 0700)}, .session = "/run/s", .met = "/tmp/vdi-0", .fresh = 1},
    {ANNA, {DIR_OF(B, "/run/s", 01777)}, .session = "/run/s", .met = "/tmp/vdi-61001", .fresh = 1},
    {ANNA, .session = "/run/s", .met = "/tmp/vdi-61001", .fresh = 1},
    {ANNA, .session = "relative", .met = "/tmp/vdi-61001", .fresh = 1},
    {ANNA, .session = "", .met = "/tmp/vdi-61001", .fresh = 1},
    {ANNA, {DIR_OF(A, "/run/s", 0500)}, .session = "/run/s",
     .object = "/run/s/vdi", .remedy = OTHER},
    {ANNA, {DIR_OF(A, "/run/s", 01777), LINK_OF(B, "/run/s/vdi", "/tmp")}, .session = "/run/s",
     .object = "/run/s/vdi", .remedy = REAL},
    {ANNA, {DIR_OF(A, "/run/s", 01777), DIR_OF(B, "/run/s/vdi", 0777)}, .session = "/run/s",
     .object = "/run/s/vdi", .remedy = OTHER, .detail = "belongs to user 61002"},
    /* The directory of the user. */
    {ANNA, .met = "/tmp/vdi-61001", .fresh = 1},
    {ROOT, .met = "/tmp/vdi-0", .fresh = 1},
    {ANNA, {DIR_OF(A, "/tmp/vdi-61001", 0755)}, .met = "/tmp/vdi-61001"},
    {ANNA, {DIR_OF(A, "/tmp/vdi-61001", 0770)},
     .object = "/tmp/vdi-61001", .remedy = "chmod 700 /tmp/vdi-61001"},
    {ANNA, {DIR_OF(A, "/tmp/vdi-61001", 01777)},
     .object = "/tmp/vdi-61001", .remedy = "chmod 700 /tmp/vdi-61001"},
    {ANNA, {DIR_OF(B, "/tmp/vdi-61001", 0777)},
     .object = "/tmp/vdi-61001", .remedy = OTHER, .detail = "belongs to user 61002"},
    {ANNA, {DIR_OF(0, "/tmp/vdi-61001", 0777)},
     .object = "/tmp/vdi-61001", .remedy = OTHER, .detail = "belongs to user 0"},
    {ROOT, {DIR_OF(B, "/tmp/vdi-0", 0777)},
     .object = "/tmp/vdi-0", .remedy = OTHER, .detail = "belongs to user 61002"},
    {ANNA, {DIR_OF(A, "/tmp/d", 0700), LINK_OF(B, "/tmp/vdi-61001", "/tmp/d")},
     .object = "/tmp/vdi-61001", .remedy = REAL},
    {ANNA, {FILE_OF(B, "/tmp/vdi-61001")}, .object = "/tmp/vdi-61001", .remedy = REAL},
};

static const mode_t masks[] = {0, 022, 077, 0777};

static void make(const struct made *made)
{
    switch (made->kind) {
    case NOTHING:
        return;
    case LINK:
        CHECK(symlink(made->target, made->path) == 0);
        CHECK(lchown(made->path, made->owner, made->group) == 0);
        return;
    case PLAIN_FILE:
        CHECK(mknod(made->path, S_IFREG, 0) == 0);
        break;
    default:
        CHECK(mkdir(made->path, 0) == 0);
    }
    CHECK(chown(made->path, made->owner, made->group) == 0);
    CHECK(chmod(made->path, made->mode) == 0);
    if (made->kind == READ_ONLY) {
        CHECK(mount(made->path, made->path, "", MS_BIND, NULL) == 0);
        CHECK(mount("", made->path, "", MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
    }
}

/* The directory has one file, a socket for its owner alone. [SEC-05] */
static void check_met(const struct row *row)
{
    struct stat found;
    CHECK(lstat(row->met, &found) == 0 && S_ISDIR(found.st_mode));
    if (row->fresh) {
        CHECK_EQUAL(found.st_mode & 07777, 0700);
        CHECK_EQUAL(found.st_uid, people[row->who].user);
    }
    DIR *directory = opendir(row->met);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        CHECK(fstatat(dirfd(directory), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0);
        CHECK(S_ISSOCK(found.st_mode));
        CHECK_EQUAL(found.st_mode & 07777, 0600);
        count++;
    }
    closedir(directory);
    CHECK_EQUAL(count, 1);
}

/* They meet there, and leave nothing. */
static void meet(const struct row *row, struct peer person, const char *line)
{
    struct outcome created = asked_for(person, CREATE_SET, "meeting");
    if (created.result != NOERROR)
        check_failed(__FILE__, __LINE__, "%s: %s", line, created.text);
    check_met(row);
    CHECK_RESULT(asked_for(person, SERVE, "meeting").result, NOERROR);
    CHECK_RESULT(asked_for(person, LEAVE_SET, "").result, NOERROR);
}

/* Nobody meets anybody there, and all are told why. [SEC-06, AMB-31, CSET-CREATE-08] */
static void are_refused(const struct row *row, struct peer person, const char *line)
{
    uid_t user = people[row->who].user;
    vdi_result code = row->code ? row->code : VD_E_SECURITY;
    const char *detail = row->detail ? row->detail : "";
    struct outcome outcome = asked_for(person, CREATE_SET, "meeting");
    check_refusal(line, outcome, code, row->object, user, row->remedy);
    CHECK_CONTAINS(outcome.text, detail);
    for (int serves = 0; serves < 2; serves++) {
        outcome = asked_for(person, serves ? SERVE : JOIN, "meeting");
        if (row->readable) {
            check_refusal(line, outcome, serves ? VD_E_INVALID : VD_E_PROTOCOL, row->object, user,
                          "create it first");
            continue;
        }
        check_refusal(line, outcome, code, row->object, user, row->remedy);
        CHECK_CONTAINS(outcome.text, detail);
    }
}

static void one_row(const struct row *row, struct peer person)
{
    char line[64];
    struct wish places = wish_for(GO_TO, row->chosen ? row->chosen : NOWHERE);
    snprintf(places.path, sizeof places.path, "%s", row->session ? row->session : NOWHERE);
    snprintf(line, sizeof line, "row %d", (int)(row - table));
    /* The program and its library may lie in the /tmp that is covered: the person runs already. */
    asked(person, places);
    CHECK(mount("none", "/tmp", "tmpfs", 0, "mode=1777") == 0);
    CHECK(mount("none", "/run", "tmpfs", 0, "mode=0755") == 0);
    for (unsigned i = 0; i < COUNT(row->made); i++)
        make(&row->made[i]);
    if (row->met != NULL)
        meet(row, person, line);
    else
        are_refused(row, person, line);
    CHECK(umount2("/tmp", MNT_DETACH) == 0 && umount2("/run", MNT_DETACH) == 0);
}

static void run(void)
{
    if (geteuid() != 0)
        skip("needs root to become other users");
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "", MS_REC | MS_PRIVATE, NULL) != 0)
        skip("needs the right to mount a /tmp of its own");
    for (unsigned i = 0; i < COUNT(masks); i++) {
        struct peer everybody[PEOPLE];
        for (int person = 0; person < PEOPLE; person++)
            everybody[person] = person_comes((enum person)person, masks[i]);
        for (const struct row *row = table; row < table + COUNT(table); row++)
            one_row(row, everybody[row->who]);
        for (int person = 0; person < PEOPLE; person++)
            person_goes(everybody[person]);
    }
}

int main(int argc, char **argv)
{
    static const struct role roles[] = {PERSON_ROLE, {NULL, NULL}};
    return test_main(argc, argv, roles, run);
}
