-- Splits and dividends that came in a batch, those corrected since among them. Parameters: batch_id, count.
-- Called by plugins.web.pages.behind.
SELECT symbol, ex_date, action_type, value, inferred, version, known_at, superseded_at FROM (
    SELECT symbol, ex_date, action_type, value, inferred, version, known_at, NULL::timestamptz AS superseded_at
    FROM corporate_actions WHERE batch_id = %(batch_id)s
    UNION ALL
    SELECT symbol, ex_date, action_type, value, inferred, version, known_at, superseded_at
    FROM corporate_actions_history WHERE batch_id = %(batch_id)s
) a
ORDER BY ex_date DESC, symbol, action_type LIMIT %(count)s
