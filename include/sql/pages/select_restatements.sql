-- Facts that changed after they were used, newest first. Parameter: count. Called by plugins.web.pages.data.
SELECT known_at, date, symbol, fact, batch_id FROM restatements ORDER BY known_at DESC, symbol, date LIMIT %(count)s
