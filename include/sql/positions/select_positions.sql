-- Holdings and their exits at a session's close, and of each symbol not held its last row; what has been renamed since
-- goes on under its new ticker. The symbols not held are found one by one through their index: there are few, with many
-- rows. Parameters: account_id, session. Called by plugins.stages.account.
WITH RECURSIVE closed AS (
    (SELECT symbol FROM positions WHERE account_id = %(account_id)s AND quantity = 0 ORDER BY symbol LIMIT 1)
    UNION ALL
    SELECT (SELECT p.symbol FROM positions p
            WHERE p.account_id = %(account_id)s AND p.quantity = 0 AND p.symbol > c.symbol ORDER BY p.symbol LIMIT 1)
    FROM closed c WHERE c.symbol IS NOT NULL
), found AS (
    SELECT p.* FROM positions p WHERE p.account_id = %(account_id)s AND p.session_date = %(session)s AND p.quantity <> 0
    UNION ALL
    SELECT f.* FROM closed c CROSS JOIN LATERAL (
        SELECT * FROM positions p
        WHERE p.account_id = %(account_id)s AND p.symbol = c.symbol AND p.quantity = 0 AND p.session_date <= %(session)s
        ORDER BY p.session_date DESC LIMIT 1) f
    WHERE NOT EXISTS (SELECT FROM positions h WHERE h.account_id = %(account_id)s AND h.session_date = %(session)s
                      AND h.symbol = c.symbol AND h.quantity <> 0)
      AND NOT EXISTS (
        SELECT FROM symbol_changes r JOIN stage_runs s ON s.stage = 'risk_execution' AND s.model = ''
            AND s.session_date = %(session)s AND r.known_at <= s.known_at
        WHERE r.old_symbol = c.symbol AND r.effective <= %(session)s AND f.price_date < r.effective)
)
SELECT symbol, quantity::numeric AS quantity, cost_basis_usd, realized_pnl_usd, price, price_date,
       entry_order, stop_loss, take_profit, best_price, trailing_price, ended_side
FROM found ORDER BY symbol
