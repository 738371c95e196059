-- What a model did in each session of a span. Parameters: model, first, last. Called by plugins.reports.sheet, plugins.web.pages.strategies.
SELECT s.session_date, s.net_return, s.benchmark_return, s.turnover, s.cost, s.gross_exposure, s.net_exposure, s.signals,
       s.closed, s.wins
FROM model_sessions s JOIN models m ON m.id = s.model_id
WHERE m.model_name = %(model)s AND s.session_date BETWEEN %(first)s AND %(last)s
ORDER BY s.session_date
