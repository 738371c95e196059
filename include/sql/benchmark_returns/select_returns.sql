-- The benchmark of each session up to one. Parameter: last. Called by plugins.stages.benchmark, plugins.stages.measuring.
SELECT session_date, name, members, close_return, open_return FROM benchmark_returns
WHERE session_date <= %(last)s::date ORDER BY session_date
