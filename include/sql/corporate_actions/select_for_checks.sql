-- Splits and dividends going ex within some days. Parameters: start, end. Called by quality.findings.
SELECT symbol, ex_date, action_type, value::double precision AS value
FROM corporate_actions WHERE ex_date BETWEEN %(start)s::date AND %(end)s::date
