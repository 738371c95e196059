-- Rows of a batch that were put aside, first then or again. Parameters: batch_id, count. Called by plugins.web.pages.behind.
SELECT id, symbol, session_date, reason, raw, recorded_at FROM quarantine
WHERE %(batch_id)s IN (batch_id, last_batch_id) ORDER BY id DESC LIMIT %(count)s
