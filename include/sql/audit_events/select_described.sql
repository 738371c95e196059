-- The newest word of each vendor on each symbol, of runs that looked back as far. Parameter: start (START).
-- Called by plugins.stages.listings.
SELECT DISTINCT ON (payload ->> 'vendor', symbol) payload
FROM audit_events
WHERE event_type = 'market.described' AND (payload ->> 'start')::date <= %(start)s::date
ORDER BY payload ->> 'vendor', symbol, ts DESC
