-- The account's profit of a span beside the backtest engine's, and why they differ. Parameters: account, first, last.
-- Called by plugins.reports.account_sheet.
SELECT count(*) AS sessions, sum(engine_usd)::float8 AS engine_usd, sum(account_usd)::float8 AS account_usd,
       sum(difference_usd)::float8 AS difference_usd, sum(data_usd)::float8 AS data_usd, sum(price_usd)::float8 AS price_usd,
       sum(fee_usd)::float8 AS fee_usd, sum(missed_usd)::float8 AS missed_usd, sum(rejected_usd)::float8 AS rejected_usd
FROM backtest_parity WHERE account_id = %(account)s AND session_date BETWEEN %(first)s AND %(last)s
