-- One row per assessment, newest first. Called by plugins.web.pages.assessment.
SELECT id, symbols, first_session, last_session, synthetic, has_delisted, recorded_at FROM backtest_runs
WHERE form = 'assessment' ORDER BY id DESC LIMIT 50
