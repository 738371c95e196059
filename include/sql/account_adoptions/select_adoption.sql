-- When the account that is traded at a broker was taken over, and the broker's own id of it. Parameter: broker.
-- Called by plugins.execution.opening.
SELECT a.id, a.broker_account, d.session_date FROM accounts a JOIN account_adoptions d ON d.account_id = a.id
WHERE a.broker = %(broker)s AND a.closed_at IS NULL
