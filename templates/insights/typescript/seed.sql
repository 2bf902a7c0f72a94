INSERT INTO reviews (topic, text, created_at)
SELECT column1, column2, (unixepoch() - column3 * 3600) * 1000 FROM (VALUES
  ('delivery', 'The parcel came two days late and nobody told me. I was angry.', 10),
  ('delivery', 'Quick and friendly, the driver even carried it upstairs. Great!', 30),
  ('delivery', 'The box was damaged, but the lamp inside was fine.', 50),
  ('price', 'A fair price for such a beautiful lamp.', 70),
  ('price', 'Far too expensive for what it is. What a disappointment.', 90),
  ('quality', 'I love the brass foot, and the light is wonderfully warm.', 110),
  ('quality', 'The switch broke after a week. Terrible.', 130),
  ('support', 'Nice people on the phone, they solved my problem at once.', 300)
);
