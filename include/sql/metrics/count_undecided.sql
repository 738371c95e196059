-- One row: how many rows in quarantine nobody has decided about. Called by plugins.web.api.metrics.
SELECT count(*) AS undecided FROM quarantine q
WHERE NOT EXISTS (SELECT FROM quarantine_decisions d WHERE d.quarantine_id = q.id)
