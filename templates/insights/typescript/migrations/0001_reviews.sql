CREATE TABLE reviews (
  id INTEGER PRIMARY KEY,
  topic TEXT NOT NULL,
  text TEXT NOT NULL,
  sentiment TEXT,  -- positive, neutral, negative; NULL until a model has judged
  created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
);
CREATE INDEX reviews_by_age ON reviews (created_at);
