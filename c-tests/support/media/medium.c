#include "medium.h"

#include "../harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void medium_path(char path[MEDIUM_PATH], const char *label)
{
    int length = snprintf(path, MEDIUM_PATH, "%s/%s", test_directory(), label);
    CHECK(length < MEDIUM_PATH - 8);
}

static int marks_file(const struct medium *medium, int flags)
{
    char path[MEDIUM_PATH + 8];
    snprintf(path, sizeof path, "%s.marks", medium->path);
    return open(path, flags | O_CLOEXEC, 0600);
}

static void load_marks(struct medium *medium)
{
    medium->marks = 0;
    int file = marks_file(medium, O_RDONLY);
    if (file < 0)
        return;
    ssize_t size = read(file, medium->mark, sizeof medium->mark);
    CHECK(size >= 0);
    medium->marks = (int32_t)((size_t)size / sizeof *medium->mark);
    close(file);
}

static void save_marks(const struct medium *medium)
{
    int file = marks_file(medium, O_WRONLY | O_CREAT | O_TRUNC);
    ssize_t size = (ssize_t)((size_t)medium->marks * sizeof *medium->mark);
    CHECK(file >= 0 && write(file, medium->mark, (size_t)size) == size);
    close(file);
}

void medium_open(struct medium *medium, const char *label, int64_t capacity)
{
    struct stat status;
    medium_path(medium->path, label);
    medium->file = open(medium->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(medium->file >= 0 && fstat(medium->file, &status) == 0);
    medium->length = status.st_size;
    medium->capacity = capacity;
    load_marks(medium);
}

void medium_close(struct medium *medium)
{
    CHECK(close(medium->file) == 0);
}

uint32_t medium_read(struct medium *medium, int64_t at, void *buffer, uint32_t size)
{
    ssize_t got = pread(medium->file, buffer, size, at);
    CHECK(got >= 0);
    return (uint32_t)got;
}

uint32_t medium_write(struct medium *medium, int64_t at, const void *buffer, uint32_t size)
{
    int64_t room = medium->capacity - at;
    uint32_t fits = room < 0 ? 0 : room < size ? (uint32_t)room : size;
    CHECK(pwrite(medium->file, buffer, fits, at) == (ssize_t)fits);
    if (fits > 0 && at + fits > medium->length)
        medium->length = at + fits;
    return fits;
}

void medium_cut(struct medium *medium, int64_t at, int32_t marks)
{
    CHECK(ftruncate(medium->file, at) == 0);
    medium->length = at;
    if (marks < medium->marks) {
        medium->marks = marks;
        save_marks(medium);
    }
}

void medium_add_mark(struct medium *medium)
{
    CHECK(medium->marks < MEDIUM_MARKS);
    medium->mark[medium->marks++] = medium->length;
    save_marks(medium);
}

void medium_sync(struct medium *medium)
{
    CHECK(fdatasync(medium->file) == 0);
}
