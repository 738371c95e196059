"""What `make run` and `make status` tell at the end, read from the tables alone."""

from __future__ import annotations

import datetime as dt

from data_layer.runtime.airflow_env import ADMIN
from data_layer.runtime.console import say, table
from data_layer.runtime.home import Home
from data_layer.runtime.progress import STAGES, completed, read

COUNTED = (
    "market_data",
    "corporate_actions",
    "trading_universe",
    "feature_values",
    "signals",
    "orders",
    "fills",
    "positions",
    "ledger_entries",
    "model_performance",
)


def print_stages(home: Home) -> None:
    """Print how far each stage is, and whether all of it rests on made-up bars."""
    done = completed(home)
    if read(home, "SELECT 1 FROM ingestion_batches WHERE source = 'synthetic' LIMIT 1"):
        say("The bars are synthetic: made up from a seed, no market ever traded them.")
    say("Sessions completed per stage")
    table(("stage", "sessions", "last"), [(s, *done.get(s, (0, None))) for s in STAGES])


def print_addresses(home: Home) -> None:
    """Print where a person finds the pages and the tables."""
    host, port = home.server
    say(
        f"Airflow    {home.elsewhere.public or home.api_server}   user {ADMIN}, password in "
        f"{home.secret_path('airflow_admin')}"
    )
    say(
        f"Postgres   host {host}, port {port}, database quant_data, user quant_reader, "
        f"password in {home.secret_path('postgres_quant_reader')}"
    )
    say(f"           bin/psql, or psql and pgAdmin with password file {home.pgpass}")


def print_summary(home: Home) -> None:
    """Print sessions, row counts, and the last session's signals, orders, fills, equity and ranking."""
    print_stages(home)
    say()
    say("Rows")
    table(("table", "rows"), [(name, read(home, f"SELECT count(*) FROM {name}")[0][0]) for name in COUNTED])  # noqa: S608  # nosec B608
    last = read(home, "SELECT max(session_date) FROM account_snapshots")[0][0]
    if last is not None:
        _print_last_session(home, last)
    say()
    print_addresses(home)


def _print_last_session(home: Home, last: dt.date) -> None:
    blocks = {
        f"Signals of {last}": (
            ("model", "symbol", "side", "score", "confidence"),
            "SELECT model_name, symbol, side, score, confidence "
            "FROM signals s JOIN models m ON m.id = s.model_id "
            "WHERE session_date = '{last}' ORDER BY model_name, symbol LIMIT 15",
        ),
        f"Ensemble of {last}": (
            ("symbol", "side", "score", "confidence", "market", "published"),
            "SELECT symbol, side, round(score::numeric, 4)::float8, round(confidence::numeric, 4)::float8, "
            "coalesce(regime, 'unknown'), CASE WHEN published THEN 'yes' ELSE 'no' END FROM ensemble_signals "
            "WHERE session_date = '{last}' ORDER BY symbol LIMIT 15",
        ),
        f"Orders of {last}": (
            ("symbol", "side", "shares", "state"),
            "SELECT symbol, side, quantity, state FROM orders "
            "WHERE session_date = '{last}' AND order_type = 'market' ORDER BY symbol LIMIT 15",
        ),
        f"Exits resting after {last}": (
            ("symbol", "exit", "side", "shares", "price"),
            "SELECT o.symbol, order_type, side, o.quantity, "
            "coalesce(CASE order_type WHEN 'trailing_stop' THEN trailing_price END, stop_price, limit_price)::float8 "
            "FROM orders o LEFT JOIN positions p ON p.symbol = o.symbol AND p.session_date = '{last}' "
            "AND p.account_id = o.account_id WHERE state = 'resting' ORDER BY 1, 2 LIMIT 15",
        ),
        f"Fills of {last}": (
            ("symbol", "side", "shares", "price", "commission"),
            "SELECT symbol, side, quantity, price::float8, commission_usd::float8 FROM fills "
            "WHERE session_date = '{last}' ORDER BY symbol LIMIT 15",
        ),
        f"Account on {last}": (
            ("account", "cash USD", "securities USD", "equity USD"),
            "SELECT account_id, to_char(cash_usd, 'FM999,999,999,990.00'), "
            "to_char(securities_usd, 'FM999,999,999,990.00'), to_char(equity_usd, 'FM999,999,999,990.00') "
            "FROM account_snapshots WHERE session_date = '{last}' ORDER BY account_id",
        ),
        f"Model ranking on {last}": (
            ("rank", "model", "sharpe", "total return", "max drawdown", "trades", "win rate"),
            "SELECT rank, model_name, sharpe_ratio, total_return, max_drawdown, total_trades, win_rate "
            "FROM model_performance p JOIN models m ON m.id = p.model_id "
            "WHERE run_date = '{last}' ORDER BY rank",
        ),
        f"Benchmark on {last}": (
            ("benchmark", "since", "total return", "this session"),
            "SELECT report_data -> 'benchmark' ->> 'name', report_data -> 'benchmark' ->> 'since', "
            "round((report_data -> 'benchmark' ->> 'total_return')::numeric, 4)::float8, "
            "round((report_data -> 'benchmark' ->> 'session_return')::numeric, 4)::float8 "
            "FROM performance_reports WHERE report_date = '{last}' AND report_data ? 'benchmark'",
        ),
    }
    for title, (headers, statement) in blocks.items():
        say()
        say(title)
        rows = read(home, statement.replace("{last}", last.isoformat()))
        if rows:
            table(headers, rows)
        else:
            say("  none")
