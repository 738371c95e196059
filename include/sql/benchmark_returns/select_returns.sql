-- The benchmark of each session of a span. Parameters: first, last.
-- Called by plugins.stages.benchmark, plugins.stages.measuring.
SELECT session_date, name, members, close_return, open_return FROM benchmark_returns
WHERE session_date BETWEEN %(first)s::date AND %(last)s::date ORDER BY session_date
