-- An account's fills since a session, the newest last, each with the run of data_ingestion that brought the session its
-- order was decided at. Parameters: account, since, count. Called by plugins.stages.tracing.
SELECT * FROM (
    SELECT f.id, i.run_id AS correlation_id, o.client_order_id, f.symbol, f.side, f.quantity, f.price,
           o.session_date AS decided, f.session_date AS filled
    FROM fills f JOIN orders o ON o.id = f.order_id
    JOIN stage_runs i ON i.stage = 'data_ingestion' AND i.model = '' AND i.session_date = o.session_date
    WHERE f.account_id = %(account)s AND f.session_date >= %(since)s ORDER BY f.id DESC LIMIT %(count)s
) newest ORDER BY id
