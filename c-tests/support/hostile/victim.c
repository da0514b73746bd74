#include "victim.h"

#include "foreign.h"
#include "resources.h"
#include "victim_client.h"
#include "victim_server.h"

#include <poll.h>
#include <sys/socket.h>

/* A victim that does not return for so long, on a machine of usual speed, never will. */
enum { LIMIT_MS = 40000 };

static const char *name;

static void *primary_thread(void *argument)
{
    client_run(argument, name);
    return NULL;
}

/* The end of a statement that the attack has stalled: a secondary that hangs up ends nothing. */
static void *stopping_thread(void *argument)
{
    struct server *server = argument;
    CHECK_EQUAL(hear(parent()), BE_BOTH);
    CHECK_AMONG(vdi_server_signal_abort(server->server, NULL), NOERROR, VD_E_PROTOCOL);
    return NULL;
}

/* Primary and server in this process, until the test says that it has done its worst. */
static void be_both(void)
{
    struct client client;
    struct server server;
    pthread_t primary, stopping;
    client_create_victim(&client, name);
    CHECK(pthread_create(&primary, NULL, primary_thread, &client) == 0);
    CHECK(server_join_victim(&server, name) && server_configure_victim(&server));
    tell(parent(), BE_BOTH);
    CHECK_EQUAL(hear(parent()), BE_BOTH);
    CHECK(pthread_create(&stopping, NULL, stopping_thread, &server) == 0);
    server_statement(&server, name);
    server_close_victim(&server);
    CHECK(pthread_join(primary, NULL) == 0);
    CHECK(pthread_join(stopping, NULL) == 0);
}

/* Threads of this process, but for those that only close what a peer has sent. */
static unsigned threads_at_work(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        char path[300], comm[16] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL)
            continue;
        count += fgets(comm, sizeof comm, file) != NULL && strncmp(comm, "vdi-let-go", 10) != 0;
        fclose(file);
    }
    closedir(tasks);
    return count;
}

static void run_part(enum part part)
{
    struct client client;
    struct server server;
    switch (part) {
    case BE_GONE:
        return;
    case BE_SERVER:
        tell(parent(), part);
        server_run(&server, name);
        return;
    case BE_PRIMARY:
        client_create_victim(&client, name);
        tell(parent(), part);
        client_run(&client, name);
        return;
    case BE_SECONDARY:
        tell(parent(), part);
        if (client_join_victim(&client, name))
            client_run(&client, name);
        return;
    case BE_BOTH:
        be_both();
        return;
    }
}

int victim_role(int argc, char **argv)
{
    static struct foreign foreign;
    enum part part;
    CHECK_EQUAL(argc, 2);
    name = argv[1];
    foreign_start(&foreign);
    foreign_goes_on(&foreign);
    unsigned open = descriptors(), mapped = shared_mappings(), running = threads_at_work();
    while ((part = (enum part)hear(parent())) != BE_GONE) {
        run_part(part);
        /* The name is free, and nothing is left. */
        CHECK_RESULT(vdi_close(client_create(name, 1)), NOERROR);
        settles_at(descriptors, open);
        settles_at(shared_mappings, mapped);
        settles_at(threads_at_work, running);
        foreign_goes_on(&foreign);
        tell(parent(), BE_GONE);
    }
    foreign_end(&foreign);
    return 0;
}

struct peer victim_start(const char *set)
{
    return spawn_role("victim", set, (char *)NULL);
}

void victim_begin(struct peer victim, enum part part)
{
    tell(victim, part);
    CHECK_EQUAL(hear(victim), part);
}

void victim_continue(struct peer victim)
{
    tell(victim, BE_BOTH);
}

void victim_ended(struct peer victim, enum part part, const char *what)
{
    struct pollfd ready = {.fd = victim.socket, .events = POLLIN};
    int64_t value = -1;
    if (part == BE_BOTH)
        tell(victim, BE_BOTH);
    int count = poll(&ready, 1, LIMIT_MS * (int)test_slowness());
    if (count == 1 && recv(victim.socket, &value, sizeof value, 0) == sizeof value &&
        value == BE_GONE)
        return;
    check_failed(__FILE__, __LINE__, "the victim %s after this: %s",
                 count == 0 ? "does not return" : "has failed", what);
}

void victim_leave(struct peer victim)
{
    tell(victim, BE_GONE);
    CHECK_EQUAL(wait_exit(victim), 0);
}
