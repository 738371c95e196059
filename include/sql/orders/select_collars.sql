-- What the price collar looks at for the orders of a session that may still be sent: the last close held, in shares of
-- the session they fill in (fills_on), the splits from their session to that one, and the threshold in force now.
-- Parameters: account_id, session, fills_on. Called by plugins.execution.collar.
SELECT o.client_order_id, o.symbol, o.side, o.quantity, o.reference_price, t.current_quantity, b.date AS close_date,
       b.close / s.since_close AS close, s.since_session, coalesce(own.threshold, general.threshold) AS threshold
FROM orders o
JOIN target_positions t USING (account_id, session_date, symbol)
LEFT JOIN LATERAL (SELECT m.date, m.close FROM market_data m WHERE m.symbol = o.symbol ORDER BY m.date DESC LIMIT 1) b ON true
CROSS JOIN LATERAL (  -- new shares per share of that day
    SELECT coalesce(exp(sum(ln(a.value::float8) * ((a.ex_date <= %(fills_on)s::date)::int - (a.ex_date <= b.date)::int))), 1)
               AS since_close,
           coalesce(exp(sum(ln(a.value::float8)) FILTER (
               WHERE a.ex_date > o.session_date AND a.ex_date <= %(fills_on)s::date)), 1) AS since_session
    FROM corporate_actions a WHERE a.symbol = o.symbol AND a.action_type = 'split'
) s
LEFT JOIN risk_limits general ON general.name = 'price_collar' AND general.symbol = ''
LEFT JOIN risk_limits own ON own.name = 'price_collar' AND own.symbol = o.symbol
WHERE o.account_id = %(account_id)s AND o.session_date = %(session)s AND o.order_type = 'market'
  AND o.state IN ('planned', 'submitted', 'unknown')
