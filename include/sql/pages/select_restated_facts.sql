-- What a batch changed after it was used, newest first. Parameters: batch_id, count. Called by plugins.web.pages.data.
SELECT known_at, date, symbol, fact FROM restatements WHERE batch_id = %(batch_id)s
ORDER BY date DESC, symbol LIMIT %(count)s
