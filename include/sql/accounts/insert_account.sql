-- A paper account, once. Parameters: id, cash. Called by plugins.rehearsal, plugins.stages.cash, runtime.account.
INSERT INTO accounts (id, broker, initial_cash_usd) VALUES (%(id)s, 'simulated', %(cash)s)
ON CONFLICT (id) DO NOTHING
