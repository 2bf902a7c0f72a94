CREATE TABLE events (
  provider TEXT NOT NULL,
  id TEXT NOT NULL,                         -- the provider's own
  type TEXT NOT NULL,
  payload TEXT NOT NULL,                    -- JSON, as it came
  status TEXT NOT NULL DEFAULT 'received',  -- received, done, ignored, failed
  deliveries INTEGER NOT NULL DEFAULT 1,    -- how often the provider has sent it
  outcome TEXT,                             -- what the handler said, or why it failed
  received_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
  PRIMARY KEY (provider, id)
);
CREATE INDEX events_by_age ON events (received_at);
