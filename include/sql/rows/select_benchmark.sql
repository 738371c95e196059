-- The benchmark's return of each session. Called by plugins.web.pages.behind.
SELECT session_date, name, members, close_return, open_return, is_synthetic FROM benchmark_returns ORDER BY session_date
