/*
 * people.h - processes of several users, who do what the test tells them
 *
 * The test, which is root, starts a person and then asks for one thing after another: create a set,
 * join one, plant something in its place. A test that uses it lists PERSON_ROLE in its roles.
 */
#ifndef PEOPLE_H
#define PEOPLE_H

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum person { ROOT, ANNA, BERT, CARL, DORA, PEOPLE };

/* Anna and Dora are in it besides others, Carl has it as his first group, Bert is not in it. */
#define OPERATORS 61009

/* No person. */
#define STRANGER 61999

struct member {
    uid_t user;
    gid_t group;
    /* How many more groups: OPERATORS and, before it, others. */
    unsigned more;
};

static const struct member people[PEOPLE] = {
    [ROOT] = {0, 0, 0},         [ANNA] = {61001, 61001, 1},
    [BERT] = {61002, 61002, 0}, [CARL] = {61003, OPERATORS, 0},
    [DORA] = {61004, 61004, 41}, /* more than the first question to the kernel has room for */
};

/* Acts as that person from now on. */
static inline void become(enum person person, mode_t mask)
{
    const struct member *member = &people[person];
    gid_t groups[64];
    for (unsigned i = 0; i < member->more; i++)
        groups[i] = i + 1 == member->more ? OPERATORS : 62000 + i;
    pid_t starter = getppid();
    umask(mask);
    CHECK(setgroups(member->more, groups) == 0);
    CHECK(setresgid(member->group, member->group, member->group) == 0);
    CHECK(setresuid(member->user, member->user, member->user) == 0);
    /* Another user is another process in this respect. */
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == starter);
}

enum deed {
    CREATE_SET,     /* name, flags, uid, gid */
    JOIN,           /* name: as a secondary */
    SERVE,          /* name: vdi_server_open() */
    SERVE_FROM,     /* name, flags, uid, gid: vdi_server_open_from() */
    LEAVE_SET,      /* what was created, and what was opened */
    PLANT_SOCKET,   /* path, mode: a socket that nobody listens to */
    PLANT_LISTENER, /* path, mode: one with a listener that is no library */
    PLANT_BUSY,     /* path, mode: one that has no room for another visitor */
    PLANT_LINK,     /* path, name: a symbolic link to a path */
    PLANT_FIFO,     /* path, mode */
    PLANT_DIRECTORY, /* path, mode */
    HOLD_LOCK,      /* path of a directory */
    UNPLANT,        /* what was planted; tells how many bytes a visitor said to the listener */
    GO_TO,          /* name, path: VDI_RUNTIME_DIR and XDG_RUNTIME_DIR; NOWHERE is not set */
    GO_AWAY,        /* the process ends */
};

#define NOWHERE "-"

struct wish {
    enum deed deed;
    uint32_t flags, uid, gid;
    mode_t mode;
    char name[256], path[256];
};

struct outcome {
    vdi_result result;
    char text[1024];
    /* What vdi_server_primary() tells. */
    uint32_t uid, gid;
    int32_t pid;
    /* What visitors of a planted listener have said. */
    int64_t heard;
};

struct hands {
    vdi_set *set, *joined;
    vdi_server *server;
    int listener, lock, visitor;
    char planted[256];
};

static inline void plant(struct hands *hands, const struct wish *wish)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(hands->planted, sizeof hands->planted, "%s", wish->path);
    switch (wish->deed) {
    case PLANT_LINK:
        CHECK(symlink(wish->name, wish->path) == 0);
        return;
    case PLANT_FIFO:
        CHECK(mkfifo(wish->path, wish->mode) == 0);
        return;
    case PLANT_DIRECTORY:
        CHECK(mkdir(wish->path, wish->mode) == 0);
        return;
    case HOLD_LOCK:
        hands->planted[0] = '\0';
        hands->lock = open(wish->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CHECK(hands->lock >= 0 && flock(hands->lock, LOCK_EX | LOCK_NB) == 0);
        return;
    default:
        break;
    }
    CHECK(strlen(wish->path) < sizeof address.sun_path);
    strcpy(address.sun_path, wish->path);
    hands->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(bind(hands->listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(chmod(wish->path, wish->mode) == 0);
    if (wish->deed == PLANT_LISTENER)
        CHECK(listen(hands->listener, 8) == 0);
    if (wish->deed == PLANT_BUSY) {
        CHECK(listen(hands->listener, 0) == 0);
        hands->visitor = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        CHECK(connect(hands->visitor, (struct sockaddr *)&address, sizeof address) == 0);
    }
}

static inline int64_t unplant(struct hands *hands)
{
    int64_t heard = 0;
    char said[1024];
    for (int guest; (guest = accept(hands->listener, NULL, NULL)) >= 0; close(guest)) {
        ssize_t length = recv(guest, said, sizeof said, MSG_DONTWAIT);
        heard += length > 0 ? length : 0;
    }
    close(hands->listener);
    close(hands->lock);
    close(hands->visitor);
    if (hands->planted[0] != '\0')
        CHECK(remove(hands->planted) == 0 || errno == ENOENT);
    hands->listener = hands->lock = hands->visitor = -1;
    return heard;
}

static inline vdi_result make_set(struct hands *hands, const struct wish *wish)
{
    VDConfig config = {.deviceCount = 1};
    vdi_create_options options = {
        .size = sizeof options, .flags = wish->flags, .uid = wish->uid, .gid = wish->gid};
    vdi_set *set = NULL;
    vdi_result result = vdi_create(NULL, wish->name, &config, &options, &set);
    /* One that was created before stays when this one fails. */
    if (result == NOERROR)
        hands->set = set;
    return result;
}

static inline vdi_result serve(struct hands *hands, const struct wish *wish,
                               struct outcome *outcome)
{
    vdi_server_open_options options = {
        .size = sizeof options, .flags = wish->flags, .uid = wish->uid, .gid = wish->gid};
    vdi_result result =
        wish->deed == SERVE ? vdi_server_open(NULL, wish->name, &hands->server)
                            : vdi_server_open_from(NULL, wish->name, &options, &hands->server);
    if (result == NOERROR)
        CHECK_RESULT(
            vdi_server_primary(hands->server, &outcome->uid, &outcome->gid, &outcome->pid),
            NOERROR);
    else
        CHECK(hands->server == NULL);
    return result;
}

static inline vdi_result leave_set(struct hands *hands)
{
    if (hands->joined != NULL)
        CHECK_RESULT(vdi_close(hands->joined), NOERROR);
    if (hands->server != NULL)
        CHECK_RESULT(vdi_server_close(hands->server), NOERROR);
    vdi_result result = hands->set != NULL ? vdi_close(hands->set) : NOERROR;
    hands->set = hands->joined = NULL;
    hands->server = NULL;
    return result;
}

static inline void set_variable(const char *variable, const char *value)
{
    int unset = strcmp(value, NOWHERE) == 0;
    CHECK((unset ? unsetenv(variable) : setenv(variable, value, 1)) == 0);
}

static inline struct outcome person_does(struct hands *hands, const struct wish *wish)
{
    struct outcome outcome = {.result = NOERROR};
    switch (wish->deed) {
    case CREATE_SET:
        outcome.result = make_set(hands, wish);
        break;
    case JOIN:
        outcome.result = vdi_open_in_secondary(NULL, wish->name, &hands->joined);
        break;
    case SERVE:
    case SERVE_FROM:
        outcome.result = serve(hands, wish, &outcome);
        break;
    case LEAVE_SET:
        outcome.result = leave_set(hands);
        break;
    case UNPLANT:
        outcome.heard = unplant(hands);
        break;
    case GO_TO:
        set_variable("VDI_RUNTIME_DIR", wish->name);
        set_variable("XDG_RUNTIME_DIR", wish->path);
        break;
    case GO_AWAY:
        break;
    default:
        plant(hands, wish);
    }
    if (outcome.result != NOERROR)
        snprintf(outcome.text, sizeof outcome.text, "%s", vdi_last_error_message());
    return outcome;
}

/* argv: person, umask */
static int person_role(int argc, char **argv)
{
    struct hands hands = {.listener = -1, .lock = -1, .visitor = -1};
    struct wish wish;
    CHECK_EQUAL(argc, 3);
    become((enum person)atoi(argv[1]), (mode_t)strtoul(argv[2], NULL, 8));
    tell(parent(), 0);
    do {
        if (recv(parent().socket, &wish, sizeof wish, 0) != sizeof wish)
            return 1;
        struct outcome outcome = person_does(&hands, &wish);
        CHECK(send(parent().socket, &outcome, sizeof outcome, MSG_NOSIGNAL) == sizeof outcome);
    } while (wish.deed != GO_AWAY);
    return 0;
}

#define PERSON_ROLE {"person", person_role}

/* Returns when the person is there. */
static inline struct peer person_comes(enum person person, mode_t mask)
{
    char number[16], octal[16];
    snprintf(number, sizeof number, "%d", person);
    snprintf(octal, sizeof octal, "%o", (unsigned)mask);
    struct peer peer = spawn_role("person", number, octal, (char *)NULL);
    hear(peer);
    return peer;
}

/* A person does what is wished, and tells how it went. */
static inline struct outcome asked(struct peer person, struct wish wish)
{
    struct outcome outcome;
    CHECK(send(person.socket, &wish, sizeof wish, MSG_NOSIGNAL) == sizeof wish);
    if (recv(person.socket, &outcome, sizeof outcome, 0) != sizeof outcome)
        check_failed(__FILE__, __LINE__, "person %d has ended", (int)person.pid);
    return outcome;
}

static inline struct wish wish_for(enum deed deed, const char *name)
{
    struct wish wish = {.deed = deed};
    snprintf(wish.name, sizeof wish.name, "%s", name);
    return wish;
}

static inline struct outcome asked_for(struct peer person, enum deed deed, const char *name)
{
    return asked(person, wish_for(deed, name));
}

static inline void person_goes(struct peer person)
{
    asked(person, (struct wish){.deed = GO_AWAY});
    CHECK_EQUAL(wait_exit(person), 0);
}

/* A person as the texts of the library call them. */
static inline const char *user_text(char text[32], uid_t user)
{
    snprintf(text, 32, "user %u", (unsigned)user);
    return text;
}

/* A refusal: its code, and a text with the object, the user and the remedy. `row` is for people. */
static inline void check_refusal(const char *row, struct outcome outcome, vdi_result code,
                                 const char *object, uid_t user, const char *remedy)
{
    char who[32];
    if (outcome.result != code)
        check_failed(__FILE__, __LINE__, "%s: %s, not %s; %s", row,
                     vdi_result_name(outcome.result), vdi_result_name(code), outcome.text);
    const char *const parts[] = {object, user_text(who, user), remedy};
    for (unsigned i = 0; i < 3; i++)
        if (strstr(outcome.text, parts[i]) == NULL)
            check_failed(__FILE__, __LINE__, "%s: no \"%s\" in \"%s\"", row, parts[i],
                         outcome.text);
}

/* All users meet in the runtime directory, as in /tmp. */
static inline void open_runtime_directory(void)
{
    CHECK(chmod(test_directory(), 0755) == 0);
    CHECK(chmod(getenv("VDI_RUNTIME_DIR"), 01777) == 0);
}

#endif
