"""Keeps writing to a database until it is told to stop: writer.py FILE

Prints a line after its first commit, and at the end how often it has committed.
"""

import random
import signal
import sqlite3
import sys
import time

running = True


def stop(*_):
    global running
    running = False


signal.signal(signal.SIGTERM, stop)
db = sqlite3.connect(sys.argv[1], timeout=30)
commits = 0
while running:
    with db:
        db.execute("INSERT INTO event (at, what) VALUES (?, 'tick')", (time.time(),))
        db.execute(
            "UPDATE document SET body = ? WHERE id = ?",
            (random.randbytes(4000), random.randrange(1, 10_000)),
        )
    commits += 1
    if commits == 1:
        print("writing", flush=True)
    time.sleep(0.002)
print(commits, flush=True)
