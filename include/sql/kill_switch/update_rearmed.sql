-- Arm the switch again. Parameters: account_id, reason. Called by storage.kill_switch.
SELECT rearm_kill_switch(%(account_id)s, %(reason)s)
