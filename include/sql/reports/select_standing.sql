-- Models that are measured, what by, up to when, their notable trades and the parity of their last sessions. Parameter: model ('' for all active). Called by plugins.reports.sheet, plugins.web.pages.strategies.
SELECT m.id, m.model_name, m.model_version, m.parameters, s.session_date, s.rules, s.book -> 'notable' AS notable,
       s.book -> 'parity' AS parity, s.is_synthetic
FROM performance_states s JOIN models m ON m.id = s.model_id
WHERE m.model_name = %(model)s OR (%(model)s = '' AND m.is_active)
ORDER BY m.model_name
