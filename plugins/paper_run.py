"""`make paper-run [SYMBOLS=] [CAPITAL=] [OUTPUT=run.json] [DRY_RUN=1]`: the last session, rehearsed on paper.

Checks what it depends on, runs the five stages over a copy of the home's bars with an account of CAPITAL, prints what
the session came to and writes the same as JSON. The home, its account and its orders stay as they are.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import psycopg

from data_layer.runtime.airflow_api import AirflowApi
from data_layer.runtime.console import ends, say, table
from data_layer.runtime.home import Home
from data_layer.settings import Settings, given_values, home_path, load_settings
from data_layer.storage.database import load_sql, transaction
from models.errors import AlmanacError, ConfigError
from plugins.rehearsal import STAGE, Piece, choose, rehearse, results, stage_set
from plugins.stages.context import CHAIN

DEPENDENCY, PIPELINE, CONFIGURATION = 1, 2, 3
LEAST, MOST = Decimal(1), Decimal(10) ** 12  # USD, as INITIAL_CASH
PRINTED = {
    "signals": ("model_name", "symbol", "side", "score", "confidence"),
    "decisions": ("symbol", "decision", "requested_quantity", "approved_quantity", "reason"),
    "orders": ("symbol", "side", "quantity", "order_type", "state"),
    "fills": ("symbol", "side", "quantity", "price", "commission_usd"),
    "positions": ("symbol", "quantity", "price", "market_value_usd", "unrealized_pnl_usd"),
}
ROWS = 15  # of a kind that are printed; the JSON has all


class Stopped(Exception):  # noqa: N818 - it is how a run ends, with the code a shell sees
    """A run that ends early."""

    def __init__(self, code: int, said: str):
        super().__init__(said)
        self.code = code


@dataclass(frozen=True)
class Asked:
    """What the command line names, checked as far as it can be without the database."""

    settings: Settings
    capital: Decimal
    output: Path | None
    dry_run: bool


@dataclass
class Report:
    """What is printed and written."""

    values: dict[str, Any] = field(default_factory=lambda: {"status": "failed", "exit_code": PIPELINE, "stages": []})

    def stage(self, name: str, seconds: float, sessions: int) -> None:
        """Note a stage of the session."""
        self.values["stages"].append({"stage": name, "seconds": round(seconds, 3), "sessions": sessions})
        say(f"{name:<20} {seconds:6.2f} s")


def main() -> int:
    """Run it; return 0, or 1 for a dependency, 2 for the pipeline, 3 for the configuration."""
    report, output = Report(), None
    try:
        with _ends_with(CONFIGURATION):
            asked = read_asked()
            output = asked.output
        _run(asked, report)
        report.values |= {"status": "completed", "exit_code": 0}
    except Stopped as stopped:
        sys.stderr.write(f"error: {stopped}\n")
        report.values |= {"exit_code": stopped.code, "error": str(stopped)}
    if output is not None:
        output.write_text(json.dumps(report.values, indent=2, default=_plain) + "\n")
        say(f"written to {output}")
    return int(report.values["exit_code"])


def read_asked() -> Asked:
    """Return what is asked for.

    Raises:
        ConfigError: for a value that cannot be used, before anything is started.
    """
    given = given_values(names=("CAPITAL", "OUTPUT"))
    settings = load_settings()
    capital, output = given.get("CAPITAL", ""), given.get("OUTPUT", "")
    path = Path(output).expanduser() if output else None
    if path is not None and not _writable(path):
        raise ConfigError("no file can be written there", stage=STAGE, key="OUTPUT", value=output,
                          remedy="name a file in a folder that is there")  # fmt: skip
    amount = settings.initial_cash
    if capital:
        try:
            amount = Decimal(capital)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not (amount.is_finite() and LEAST <= amount <= MOST):
            raise ConfigError("not an amount", stage=STAGE, key="CAPITAL", value=capital,
                              remedy=f"write USD from {LEAST} to {MOST:,}, digits and a point")  # fmt: skip
    return Asked(settings, amount, path, settings.dry_run)


def _run(asked: Asked, report: Report) -> None:
    with _ends_with(DEPENDENCY):
        home = Home(home_path())
        reader = home.uri("quant_reader")
        report.values["health"] = _health(home, reader)
    with _ends_with(CONFIGURATION):
        piece = choose(reader, asked.settings, given_symbols())
    session = piece.sessions[-1]
    report.values |= {
        "session": session, "symbols": piece.symbols, "capital_usd": asked.capital, "dry_run": asked.dry_run,
        "synthetic": piece.synthetic, "history_sessions": len(piece.sessions),
    }  # fmt: skip
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="almanac-paper-run-") as folder,
        _ends_with(PIPELINE),
        stage_set(
            Path(folder), reader, asked.settings, piece, asked.capital, dry_run=asked.dry_run
        ) as (server, settings),
    ):
        orders = ", no orders" if asked.dry_run else ""
        say(f"session {session}, {len(piece.symbols)} symbols, {asked.capital:,} USD{orders}")
        rehearse(server.uri("quant_writer"), settings, piece, report.stage)
        report.values |= results(server.uri("quant_reader"), session)
    report.values["seconds"] = round(time.perf_counter() - began, 3)
    _print(piece, asked.capital, report.values)


def given_symbols() -> list[str]:
    """Return the symbols named on this command line; what the home remembers is no choice of this run."""
    return given_values(names=("SYMBOLS",)).get("SYMBOLS", "").replace(",", " ").split()


def _health(home: Home, reader: str) -> dict[str, Any]:
    """Look at what the run depends on, and beside it at Airflow, which it can do without.

    Raises:
        ConfigError: when the home was never started.
        RetryableError: when Postgres does not answer.
    """
    with transaction(reader) as connection:
        stages = connection.execute(load_sql("api/select_health"), {"stages": list(CHAIN)}).fetchall()
    airflow = AirflowApi(home).health() or {"api_server": "does not answer"}
    say("postgres             answers")
    for name, state in airflow.items():
        say(f"airflow              {name} {state}")
    rows = [(s["stage"], s["last_session"], s["failed_session"]) for s in stages]
    table(("stage", "last session", "failed since"), rows)
    if stages[0]["last_session"] is None:
        raise ConfigError("no bars are held", stage=STAGE, key="data_ingestion", value="", remedy="make run")
    return {"postgres": "answers", "airflow": airflow, "stages": {s["stage"]: s["last_session"] for s in stages}}


def _print(piece: Piece, capital: Decimal, values: dict[str, Any]) -> None:
    for name, columns in PRINTED.items():
        rows = values[name]
        say()
        say(f"{name.capitalize()} of {piece.sessions[-1]}: {len(rows)}")
        if rows:
            table(columns, [[_shown(row[c]) for c in columns] for row in rows[:ROWS]])
    account = values["account"]
    say()
    gain = account["equity_usd"] / capital - 1
    say(f"Equity {account['equity_usd']:,.2f} USD, cash {account['cash_usd']:,.2f} USD, {gain:+.2%} since "
        f"{piece.sessions[0]}")  # fmt: skip
    if piece.synthetic:
        say("these bars are synthetic: no result says anything about a market")
    say(f"{values['seconds']:.1f} s; nothing of the home was changed")


@contextmanager
def _ends_with(code: int) -> Iterator[None]:
    """Turn what goes wrong in the block into the end of the run with this code."""
    try:
        yield
    except AlmanacError as error:
        raise Stopped(code, str(error)) from error
    except psycopg.OperationalError as error:
        raise Stopped(DEPENDENCY, f"[{STAGE}] the database went away: {error}; see make status") from error
    except Exception as error:  # a fault of the program: whoever mends it needs its place
        traceback.print_exc()
        raise Stopped(code, f"[{STAGE}] {type(error).__name__}: {error}") from error


def _shown(value: Any) -> object:
    return float(value) if isinstance(value, Decimal) else value


def _writable(path: Path) -> bool:
    """Tell whether the file can be written, by beginning to; it is as before then."""
    there = path.exists()
    try:
        path.open("a").close()
        if not there:
            path.unlink()
    except OSError:
        return False
    return True


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


if __name__ == "__main__":
    ends(main)
