-- Times are in milliseconds since the epoch, as event.scheduledTime is.
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX events_by_time ON events (at);

CREATE TABLE runs (
  task TEXT NOT NULL,
  at INTEGER NOT NULL,
  result TEXT NOT NULL,
  PRIMARY KEY (task, at)
);
