-- Latch the switch and cancel what is out. Parameters: account_id, reason, cause. Called by storage.kill_switch.
SELECT latch_kill_switch(%(account_id)s, %(reason)s, %(cause)s) AS cancelled
