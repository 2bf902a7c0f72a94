CREATE TABLE objects (
    bucket   TEXT NOT NULL,
    key      BLOB NOT NULL,  -- UTF-8, so that keys sort by their bytes
    version  TEXT NOT NULL,
    size     INTEGER NOT NULL,
    etag     TEXT NOT NULL,
    uploaded INTEGER NOT NULL,  -- ms since the epoch
    details  TEXT NOT NULL,  -- JSON
    content  INTEGER,  -- where the content is: a row of `contents`,
    blob     TEXT,  -- or a file,
    upload   TEXT,  -- or the parts of this upload; none of these: it is empty
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;

CREATE TABLE contents (
    id   INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

CREATE INDEX objects_by_blob ON objects (blob) WHERE blob IS NOT NULL;

CREATE TABLE uploads (
    id      TEXT PRIMARY KEY,
    bucket  TEXT NOT NULL,
    key     BLOB NOT NULL,
    created INTEGER NOT NULL,  -- ms since the epoch
    open    INTEGER NOT NULL,
    details TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX uploads_by_age ON uploads (created);

CREATE TABLE parts (
    upload TEXT NOT NULL,
    number INTEGER NOT NULL,
    etag   TEXT NOT NULL,
    size   INTEGER NOT NULL,
    md5    BLOB NOT NULL,
    blob   TEXT,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;

CREATE INDEX parts_by_blob ON parts (blob) WHERE blob IS NOT NULL;
