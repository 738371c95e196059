-- The account that is traded: the one that no reset has closed. Called by plugins.stages.cash, runtime.account.
SELECT id, initial_cash_usd FROM accounts WHERE broker = 'simulated' AND closed_at IS NULL
