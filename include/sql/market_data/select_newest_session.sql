-- The newest date with a bar up to a day, NULL for none. Parameter: until. Called by quality.facts.
SELECT max(date) AS date FROM market_data WHERE date <= %(until)s
