-- One row per state an account's orders are in: how many. Parameter: account. Called by plugins.web.pages.orders.
SELECT state, count(*) AS orders FROM orders WHERE account_id = %(account)s GROUP BY state ORDER BY state
