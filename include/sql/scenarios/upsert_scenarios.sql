-- The scenarios as their file states them now; those it states no more stay, marked. Parameter: rows (JSON).
-- Called by plugins.backtest.assessment_store.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
        name text, kind text, category text, why text, start_date date, end_date date, shock jsonb, regime text,
        position integer)
), gone AS (
    UPDATE scenarios s SET in_file = false, updated_at = clock_timestamp()
    WHERE s.in_file AND NOT EXISTS (SELECT FROM given g WHERE g.name = s.name)
)
INSERT INTO scenarios AS s (name, kind, category, why, start_date, end_date, shock, regime, position)
SELECT name, kind, category, why, start_date, end_date, nullif(shock, 'null'), regime, position FROM given
ON CONFLICT (name) DO UPDATE
SET kind = excluded.kind, category = excluded.category, why = excluded.why, start_date = excluded.start_date,
    end_date = excluded.end_date, shock = excluded.shock, regime = excluded.regime, position = excluded.position,
    in_file = true, updated_at = clock_timestamp()
WHERE (s.kind, s.category, s.why, s.start_date, s.end_date, s.shock, s.regime, s.position, s.in_file)
      IS DISTINCT FROM (excluded.kind, excluded.category, excluded.why, excluded.start_date, excluded.end_date,
                        excluded.shock, excluded.regime, excluded.position, true)
