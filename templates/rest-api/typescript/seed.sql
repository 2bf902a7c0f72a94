INSERT INTO items (name, description, price_cents) VALUES
  ('Desk lamp', 'Warm light, brass foot', 4900),
  ('Notebook', '120 pages, dotted', 650),
  ('Fountain pen', 'Medium nib', 3200);
