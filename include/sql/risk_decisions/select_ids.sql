-- Ids of decisions by session and symbol. Parameters: account_id, names (sessions). Called by plugins.stages.account.
SELECT session_date, symbol, id FROM risk_decisions
WHERE account_id = %(account_id)s AND session_date = ANY(%(names)s)
