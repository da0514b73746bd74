"""Makes a realistic SQLite database in WAL mode: make_database.py FILE MEBIBYTES"""

import os
import random
import sqlite3
import sys

PATH, MEBIBYTES = sys.argv[1], int(sys.argv[2])
CITIES = ["Aarhus", "Bergen", "Cork", "Delft", "Essen", "Fano", "Ghent", "Hilo"]

random.seed(1)
db = sqlite3.connect(PATH)
db.execute("PRAGMA journal_mode = WAL")
db.executescript(
    """
    CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
    CREATE TABLE document (id INTEGER PRIMARY KEY, customer INTEGER, title TEXT, body BLOB);
    CREATE INDEX document_customer ON document (customer);
    CREATE INDEX customer_city ON customer (city, name);
    CREATE TABLE event (id INTEGER PRIMARY KEY, at REAL, what TEXT);
    """
)
with db:
    db.executemany(
        "INSERT INTO customer (name, city) VALUES (?, ?)",
        ((f"customer {n:06}", random.choice(CITIES)) for n in range(50_000)),
    )
rows = 0
while os.path.getsize(PATH) < MEBIBYTES << 20:
    with db:
        db.executemany(
            "INSERT INTO document (customer, title, body) VALUES (?, ?, ?)",
            (
                (random.randrange(50_000), f"document {rows + n}", random.randbytes(4000))
                for n in range(4_000)
            ),
        )
    rows += 4_000
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
db.close()
print(f"{os.path.getsize(PATH) >> 20} MiB, {rows} documents")
