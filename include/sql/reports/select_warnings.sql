-- What to know first: the warnings of the newest report up to a session. Parameter: last. Called by plugins.reports.sheet.
SELECT warnings FROM performance_reports WHERE report_date <= %(last)s ORDER BY report_date DESC LIMIT 1
