-- Actions whose ex-date the same source has corrected: it was asked for their day and gives the same action on another
-- within ten days, not held yet; nothing pays or splits alike twice in that time. The old rows go to the history.
-- Parameters: rows (JSON), source, asked_from, asked_to, decided_to (ex-dates that a decision may have used),
-- batch_id. Returns symbol, ex_date. Called by storage.bars.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS s (
        symbol text, ex_date date, action_type text, value numeric)
), gone AS (
    DELETE FROM corporate_actions a USING given s
    WHERE a.symbol = s.symbol AND a.action_type = s.action_type AND a.value = s.value AND a.source = %(source)s
      AND a.ex_date BETWEEN %(asked_from)s::date AND %(asked_to)s::date
      AND a.ex_date <> s.ex_date AND abs(a.ex_date - s.ex_date) <= 10
      AND NOT EXISTS (SELECT FROM given g WHERE (g.symbol, g.ex_date, g.action_type)
                                              = (a.symbol, a.ex_date, a.action_type))
      AND NOT EXISTS (SELECT FROM corporate_actions h WHERE (h.symbol, h.ex_date, h.action_type)
                                                          = (s.symbol, s.ex_date, s.action_type))
    RETURNING a.*
)
INSERT INTO corporate_actions_history
SELECT g.*, greatest(CASE WHEN g.ex_date <= %(decided_to)s::date THEN now() END, g.known_at), %(batch_id)s
FROM gone g
RETURNING symbol, ex_date
