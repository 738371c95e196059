-- The account that is traded at a broker: the one that no reset has closed. Parameter: broker. Called by plugins.rehearsal, plugins.stages.cash, runtime.account.
SELECT id, initial_cash_usd FROM accounts WHERE broker = %(broker)s AND closed_at IS NULL
