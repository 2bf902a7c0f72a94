INSERT INTO log (text) VALUES ('seeded');
