-- All accounts. Called by storage.kill_switch.
SELECT id FROM accounts ORDER BY id
