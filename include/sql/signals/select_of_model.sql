-- One model's signals of a span of sessions, in no order: they are laid out as matrices. Parameters: model_id, first, last.
-- Called by plugins.reports.model_sheet, plugins.stages.measuring.
SELECT symbol, session_date, side, position_size, score, confidence FROM signals
WHERE model_id = %(model_id)s::bigint AND session_date BETWEEN %(first)s::date AND %(last)s::date
