-- The accounts that are traded: those no reset has closed. Called by storage.kill_switch.
SELECT id FROM accounts WHERE closed_at IS NULL ORDER BY id
