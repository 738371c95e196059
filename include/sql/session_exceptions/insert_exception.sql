-- One acceptance; the same one again changes nothing. Parameters: session, symbol, reason. Called by quality.decisions.
INSERT INTO session_exceptions (session_date, symbol, reason) VALUES (%(session)s, %(symbol)s, %(reason)s)
ON CONFLICT (session_date, symbol) DO NOTHING
