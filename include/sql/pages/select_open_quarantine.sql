-- Rows put aside and not decided on. Parameter: count. Called by plugins.web.pages.data.
SELECT q.* FROM quarantine q WHERE NOT EXISTS (SELECT FROM quarantine_decisions d WHERE d.quarantine_id = q.id)
ORDER BY q.id DESC LIMIT %(count)s
