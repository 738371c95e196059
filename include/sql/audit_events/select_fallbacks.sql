-- Vendors that failed in a run and who answered instead. Parameter: correlation_id. Called by plugins.stages.fallbacks.
SELECT payload ->> 'question' AS question, payload ->> 'failed' AS failed, payload ->> 'error' AS error,
       payload ->> 'answered' AS answered
FROM audit_events WHERE event_type = 'market.fallback' AND correlation_id = %(correlation_id)s
ORDER BY ts, idempotency_key
