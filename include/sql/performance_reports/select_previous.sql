-- The reports of some sessions, and the last one before them. Parameter: sessions (ascending).
-- Called by plugins.stages.reporting.
SELECT report_date, warnings, report_data FROM performance_reports
WHERE report_date = ANY(%(sessions)s::date[])
   OR report_date = (SELECT max(r.report_date) FROM performance_reports r
                     WHERE r.report_date < (%(sessions)s::date[])[1])
ORDER BY report_date
