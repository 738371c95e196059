-- Counts the account's tables for the planner. Called by plugins.stages.book_checks.
SELECT analyze_account_tables()
