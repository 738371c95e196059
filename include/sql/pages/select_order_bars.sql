-- Bars up to the decision as they were known then (market_data_as_of would read every symbol), newest first, with the
-- batch each came in. Parameters: symbol, session, count. Called by plugins.web.lineage.
WITH decided AS (
    SELECT known_at FROM stage_runs WHERE stage = 'model_execution' AND model = '' AND session_date = %(session)s
), known AS (
    SELECT b.date, b.open, b.high, b.low, b.close, b.volume, b.source, b.version, b.batch_id, b.known_at
    FROM decided d JOIN market_data b ON b.known_at <= d.known_at
    WHERE b.symbol = %(symbol)s AND b.date BETWEEN %(session)s::date - 30 AND %(session)s
    UNION ALL
    SELECT b.date, b.open, b.high, b.low, b.close, b.volume, b.source, b.version, b.batch_id, b.known_at
    FROM decided d JOIN market_data_history b ON b.known_at <= d.known_at AND b.superseded_at > d.known_at
    WHERE b.symbol = %(symbol)s AND b.date BETWEEN %(session)s::date - 30 AND %(session)s
)
SELECT k.*, i.recorded_at FROM known k LEFT JOIN ingestion_batches i ON i.id = k.batch_id
ORDER BY k.date DESC LIMIT %(count)s
