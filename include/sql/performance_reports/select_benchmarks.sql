-- The benchmark in the report of each session, and in the last report before them. Parameter: sessions (ascending).
-- Called by plugins.stages.benchmark.
SELECT report_date, report_data -> 'benchmark' AS benchmark FROM performance_reports
WHERE report_date = ANY(%(sessions)s::date[])
   OR report_date = (SELECT max(r.report_date) FROM performance_reports r
                     WHERE r.report_date < (%(sessions)s::date[])[1])
