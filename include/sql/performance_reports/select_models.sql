-- Models in the report of each session. Parameter: sessions. Called by plugins.stages.performance.
SELECT report_date, ARRAY(SELECT placed ->> 'model_name'
                          FROM jsonb_array_elements(report_data -> 'ranking') AS placed) AS models
FROM performance_reports WHERE report_date = ANY(%(sessions)s)
