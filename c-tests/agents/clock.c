/*
 * clock.c - a clock for several processes, loaded into them before the C library
 *
 * It shows the real time and the seconds that the test writes into the file that VDI_TEST_CLOCK
 * names.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int64_t *seconds_added;

__attribute__((constructor)) static void find(void)
{
    const char *path = getenv("VDI_TEST_CLOCK");
    int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file >= 0 ? mmap(NULL, sizeof *seconds_added, PROT_READ, MAP_SHARED, file, 0)
                           : MAP_FAILED;
    /* Without its clock the test would show nothing. */
    if (page == MAP_FAILED)
        abort();
    close(file);
    __atomic_store_n(&seconds_added, page, __ATOMIC_SEQ_CST);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    const int64_t *added = __atomic_load_n(&seconds_added, __ATOMIC_SEQ_CST);
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (added != NULL)
        time->tv_sec += __atomic_load_n(added, __ATOMIC_SEQ_CST);
    return result;
}
