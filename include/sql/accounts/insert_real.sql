-- The account at a real broker, once. Parameters: id, broker, broker_account, cash. Called by plugins.execution.opening.
INSERT INTO accounts (id, broker, broker_account, initial_cash_usd)
VALUES (%(id)s, %(broker)s, %(broker_account)s, greatest(%(cash)s, 0.01))
