INSERT INTO events (name, at) VALUES
  ('sign-up', (unixepoch() - 86400) * 1000),
  ('sign-up', (unixepoch() - 2 * 86400) * 1000),
  ('purchase', (unixepoch() - 3 * 86400) * 1000),
  ('sign-up', (unixepoch() - 40 * 86400) * 1000);
