/*
 * No system call of the library escapes the tests that fail them: whatever the library takes from
 * other libraries is wrapped by support/syscalls.c, or is listed here with the reason why not.
 */
#include "check.h"
#include "syscalls.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vdi.h>

/* A name that ends in '*' stands for all that begin so. */
static const char *const harmless[] = {
    /* Private memory: a chapter of its own. */
    "malloc", "calloc", "realloc", "free", "posix_memalign",
    /* No system call. */
    "memcmp", "memcpy", "memmove", "memset", "bcmp", "strlen", "__errno_location", "__xpg_strerror_r", "__tls_get_addr", "__cxa_*",
    "__gmon_start__", "_ITM_*", "__stack_chk_fail", "_Unwind_*", "dlsym", "dl_iterate_phdr",
    "getenv", "getauxval", "dirfd", "pthread_self", "pthread_key_*", "pthread_setspecific",
    "pthread_attr_*", "sigfillset",
    /* Cannot fail with the arguments that the library gives. */
    "getpid", "gettid", "geteuid", "sched_yield", "sysconf", "pthread_sigmask", "pthread_detach",
    "pthread_setcancelstate",
    /* The monotonic clock and that of the day are always there; clock.h moves them. */
    "clock_gettime",
    /* The name of the thread is for the reader of `ps`. */
    "pthread_setname_np",
    /* Of Rust's runtime, for programs and panics only. */
    "abort", "pause", "sigaltstack", "pthread_getattr_np", "getcwd", "realpath",
};

static int is_harmless(const char *name)
{
    for (size_t index = 0; index < sizeof harmless / sizeof *harmless; index++) {
        size_t length = strlen(harmless[index]);
        int is_prefix = harmless[index][length - 1] == '*';
        if (is_prefix ? strncmp(name, harmless[index], length - 1) == 0
                      : strcmp(name, harmless[index]) == 0)
            return 1;
    }
    return 0;
}

/* Whether everybody who asks for this function gets that of this program. */
static int is_wrapped(const char *name)
{
    Dl_info found, own;
    void *function = dlsym(RTLD_DEFAULT, name);
    CHECK(dladdr(harmless, &own) != 0);
    return function != NULL && dladdr(function, &found) != 0 && found.dli_fbase == own.dli_fbase;
}

static const char *map_library(void)
{
    Dl_info library;
    struct stat status;
    CHECK(dladdr(dlsym(RTLD_DEFAULT, "vdi_server_open"), &library) != 0);
    int fd = open(library.dli_fname, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && fstat(fd, &status) == 0);
    const char *file = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(file != MAP_FAILED);
    close(fd);
    return file;
}

int main(void)
{
    CHECK(vdi_version() != 0);
    hook_syscalls(NULL);
    const char *file = map_library();
    const ElfW(Ehdr) *header = (const void *)file;
    const ElfW(Shdr) *sections = (const void *)(file + header->e_shoff);
    unsigned wrapped = 0, spared = 0;
    for (int index = 0; index < header->e_shnum; index++) {
        const ElfW(Shdr) *section = &sections[index];
        if (section->sh_type != SHT_DYNSYM)
            continue;
        const char *names = file + sections[section->sh_link].sh_offset;
        const ElfW(Sym) *symbol = (const void *)(file + section->sh_offset);
        const ElfW(Sym) *end = symbol + section->sh_size / sizeof *symbol;
        while (++symbol < end) {
            if (symbol->st_shndx != SHN_UNDEF)
                continue;
            const char *name = names + symbol->st_name;
            int listed = is_harmless(name);
            if (is_wrapped(name) == listed)
                check_failed(__FILE__, __LINE__, "%s is %s", name,
                             listed ? "wrapped and listed as harmless"
                                    : "neither wrapped nor listed as harmless");
            wrapped += !listed;
            spared += listed;
        }
    }
    printf("%u functions are wrapped, %u are harmless\n", wrapped, spared);
    CHECK(wrapped > 40 && spared > 20);
    return 0;
}
