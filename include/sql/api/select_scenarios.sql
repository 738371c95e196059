-- Scenarios in the file's order. Called by plugins.web.api.research.
SELECT name, kind, category, why, start_date, end_date, shock, regime FROM scenarios WHERE in_file ORDER BY position
