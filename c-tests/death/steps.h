/*
 * steps.h - the points at which a process can end inside the library
 *
 * A point is the moment before a write to an atomic word of the library, or before a system call of
 * it. They are counted for the whole process, its background thread included.
 */
#ifndef STEPS_H
#define STEPS_H

/* How a process ends. DUMP is a crash with a core dump, where that is allowed. A fork leaves a child that keeps every descriptor. STOP does not end it. */
enum way { KILL, DUMP, EXIT, EXIT_NOW, QUICK_EXIT, EXEC, FORK, STOP, WAYS };

extern const char *const way_names[WAYS];

/* What the child of a FORK may not keep, and where its number goes. */
struct steps_child {
    int socket;
    int *pid;
};

/* From now on points are counted, and this process ends at point `at`; at none if that is 0. */
void steps_arm(unsigned at, enum way way, struct steps_child child);

/* From now on there is no last point. */
void steps_disarm(void);

/* Points passed, and how many of them were writes. */
unsigned steps_passed(void);
unsigned steps_writes(void);

#endif
