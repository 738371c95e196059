-- Instants at which bars, actions or renames came to be known later than the first session that could use them, or
-- actions moved away: the moments at which the view of the past changed. Orders use an action at the session before its
-- ex-date. The bars' few thousand pairs of day and instant are gathered once, and each is looked up: with statistics from
-- before a first load (when all was empty) a join gathers them anew for every session, which takes hours. Those known four
-- days after their own or later have an index; any other that came to be known after an instant is of a day at most four
-- before it, and days are searched fast.
-- Parameters: after, until: only instants within. Called by plugins.stages.knowledge.
WITH bars AS MATERIALIZED (
    SELECT date AS session_date, known_at FROM market_data
    WHERE known_at >= (date + 4)::timestamp AT TIME ZONE 'UTC'
      AND known_at > %(after)s::timestamptz AND known_at <= %(until)s::timestamptz GROUP BY 1, 2
    UNION ALL SELECT date, known_at FROM market_data
    WHERE known_at < (date + 4)::timestamp AT TIME ZONE 'UTC' AND date >= (%(after)s::timestamptz)::date - 5
      AND known_at > %(after)s::timestamptz AND known_at <= %(until)s::timestamptz GROUP BY 1, 2
    UNION ALL SELECT date, known_at FROM market_data_history
    WHERE known_at > %(after)s::timestamptz AND known_at <= %(until)s::timestamptz GROUP BY 1, 2
), late AS (
    SELECT f.known_at FROM bars f CROSS JOIN LATERAL (
        SELECT d.known_at FROM stage_runs d
        WHERE d.stage = 'data_ingestion' AND d.model = '' AND d.status = 'completed' AND d.session_date = f.session_date
        LIMIT 1
    ) own WHERE f.known_at > own.known_at
    UNION ALL
    SELECT f.known_at FROM (
        SELECT ex_date, known_at FROM corporate_actions
        UNION ALL SELECT ex_date, known_at FROM corporate_actions_history
        UNION ALL SELECT ex_date, superseded_at FROM corporate_actions_history
    ) f CROSS JOIN LATERAL (
        SELECT d.known_at FROM stage_runs d
        WHERE d.stage = 'data_ingestion' AND d.model = '' AND d.status = 'completed' AND d.session_date < f.ex_date
        ORDER BY d.session_date DESC LIMIT 1
    ) eve WHERE f.known_at > eve.known_at
    UNION ALL
    SELECT known_at FROM symbol_changes
)
SELECT DISTINCT known_at FROM late
WHERE known_at > %(after)s::timestamptz AND known_at <= %(until)s::timestamptz ORDER BY known_at
