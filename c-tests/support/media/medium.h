/*
 * medium.h - what a device keeps a stream on: a file of bytes, and beside it a list of filemarks
 *
 * The files outlive the client process, so that a later one restores what this one backed up.
 */
#ifndef MEDIUM_H
#define MEDIUM_H

#include <stdint.h>

#define MEDIUM_MARKS 32
#define MEDIUM_PATH 160

struct medium {
    int file;
    int64_t length, capacity;
    char path[MEDIUM_PATH];
    /* Filemarks in ascending order: how many bytes precede each of them. */
    int32_t marks;
    int64_t mark[MEDIUM_MARKS];
};

/* Where the file of a medium lies. */
void medium_path(char path[MEDIUM_PATH], const char *label);

/* Takes a medium, or makes an empty one. */
void medium_open(struct medium *medium, const char *label, int64_t capacity);
void medium_close(struct medium *medium);

/* Bytes that were read; less than `size` at the end of the data. */
uint32_t medium_read(struct medium *medium, int64_t at, void *buffer, uint32_t size);

/* Bytes that were written; less than `size` at the end of the medium. */
uint32_t medium_write(struct medium *medium, int64_t at, const void *buffer, uint32_t size);

/* Nothing is left behind this place, which follows so many filemarks. */
void medium_cut(struct medium *medium, int64_t at, int32_t marks);

/* Adds a filemark at the end. */
void medium_add_mark(struct medium *medium);

/* Everything is on the disk. */
void medium_sync(struct medium *medium);

#endif
