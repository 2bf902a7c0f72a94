-- One index. `number` is never given twice, and a vector that is replaced gets a new one:
-- the values of a number never change, so whatever was built from them stays true.
CREATE TABLE vectors (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    namespace TEXT,
    metadata BLOB -- JSONB
) STRICT;

-- Apart, so that filters do not read through them. float32, little-endian.
CREATE TABLE embeddings (
    number INTEGER PRIMARY KEY REFERENCES vectors (number) ON DELETE CASCADE,
    floats BLOB NOT NULL
) STRICT;

-- Mutations that are not visible yet; `body` is a JSON text.
CREATE TABLE log (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    mutation TEXT NOT NULL,
    verb TEXT NOT NULL,
    due INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- One row. `mutation` is the last visible one, since `processed` (milliseconds). `graph`
-- describes the file of the nearest-neighbour graph, a JSON text.
CREATE TABLE state (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    metric TEXT,
    dimensions INTEGER,
    mutation TEXT,
    processed INTEGER,
    graph BLOB
) STRICT;
INSERT INTO state (one) VALUES (1);
