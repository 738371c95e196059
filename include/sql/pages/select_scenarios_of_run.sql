-- Scenarios of an assessment, in the file's order. Parameter: run_id. Called by plugins.web.pages.assessment.
SELECT a.scenario, a.kind, a.category, a.first_session, a.last_session, a.symbols, a.skipped_reason, s.why
FROM assessment_scenarios a LEFT JOIN scenarios s ON s.name = a.scenario
WHERE a.run_id = %(run_id)s ORDER BY s.position NULLS LAST, a.scenario
