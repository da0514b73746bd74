/*
 * The witness of deaths allocates nothing while it looks: a lack of memory could be told to nobody there,
 * and would end the process. The program has a malloc() of its own, which counts.
 */
#include "engine.h"
#include "hostile/segment.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/prctl.h>

#define WITNESS "vdi-witness"

void *__libc_malloc(size_t size);

/* Pieces that the witness has asked for, and everybody. */
static unsigned asked_by_witness, asked;

void *malloc(size_t size)
{
    char thread[16] = "";
    prctl(PR_GET_NAME, thread);
    if (strcmp(thread, WITNESS) == 0)
        __atomic_add_fetch(&asked_by_witness, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
    return __libc_malloc(size);
}

/* A line of a file of a thread of this process, behind what it begins with; whether there is one. */
static int thread_says(const char *thread, const char *file, const char *begin, char value[128])
{
    char path[300], line[128];
    int found = 0;
    snprintf(path, sizeof path, "/proc/self/task/%s/%s", thread, file);
    FILE *stream = fopen(path, "re");
    CHECK(stream != NULL);
    while (!found && fgets(line, sizeof line, stream) != NULL)
        found = strncmp(line, begin, strlen(begin)) == 0;
    fclose(stream);
    strcpy(value, found ? line + strlen(begin) : "");
    return found;
}

/* How often the witness has gone to sleep. */
static unsigned long sleeps(void)
{
    char value[128];
    unsigned long count = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;)
        if (task->d_name[0] != '.' && thread_says(task->d_name, "comm", WITNESS, value) &&
            thread_says(task->d_name, "status", "voluntary_ctxt_switches:", value))
            count = strtoul(value, NULL, 10);
    closedir(tasks);
    return count;
}

/* The witness is woken and has looked. */
static void look(const struct segment *segment)
{
    unsigned long before = sleeps();
    do
        segment_wake(segment, (struct spot){.word = SERVER_LIFE});
    while (sleeps() == before);
}

static void run(void)
{
    static struct engine engine;
    char name[NAME_SIZE];
    void *volatile piece = malloc(1);
    free(piece);
    if (asked == 0)
        skip("another malloc() is used");
    unique_name(name);
    vdi_set *set = client_create(name, 1);
    engine_open(&engine, name, 1, 4096, 1);
    struct segment segment = segment_of_library(0);
    /* The server has come: after the first look it is known. */
    look(&segment);
    look(&segment);
    unsigned before = __atomic_load_n(&asked_by_witness, __ATOMIC_SEQ_CST);
    for (int round = 0; round < 20; round++)
        look(&segment);
    CHECK_EQUAL(__atomic_load_n(&asked_by_witness, __ATOMIC_SEQ_CST), before);
    engine_close(&engine);
    CHECK_RESULT(vdi_close(set), NOERROR);
}

int main(int argc, char **argv)
{
    return test_main(argc, argv, NULL, run);
}
