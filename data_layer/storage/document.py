"""docs/schema.md from the database: `python -m data_layer.storage.document` writes it anew from the migrations."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from data_layer.runtime.postgres import embedded_postgres
from data_layer.settings import ROOT
from data_layer.storage.database import Connection, load_sql, transaction
from data_layer.storage.migrate import prepare_database

PAGE = ROOT / "docs" / "schema.md"
HEAD = """# Tables

Written by `python -m data_layer.storage.document` from the database as the migrations make it; edit those.

Each diagram shows tables with the columns of their primary (PK) and foreign keys (FK), and a line for each foreign
key. A table of another part that is referred to stands there by its name. What each column means:
`bin/psql -c "\\d+ signals"`.
"""
# A table belongs to the first part with a word that its name begins with; what none names, to the last part.
PARTS = (
    ("Market data", ("market_data", "session_vwaps", "vendor", "corporate", "trading_universe", "symbol_changes",
                     "ingestion", "backfill", "session_exceptions", "quarantine", "quality", "data_quality",
                     "restatements")),
    ("Features and labels", ("feature", "training_labels")),
    ("Models", ("model_versions", "training_runs", "walk_forward", "promotion", "run_versions", "model_drift")),
    ("Signals", ("models", "model_runs", "signals", "predictions", "prediction_gaps", "ensemble", "pending")),
    ("Trading", ("accounts", "account_", "target_positions", "risk", "orders", "order_", "fills", "positions", "ledger",
                 "cash", "broker", "kill_switch", "portfolio", "backtest_parity")),
    ("Performance and research", ("model_performance", "model_sessions", "performance", "benchmark", "backtest",
                                  "scenarios", "assessment", "strategy", "ranking")),
    ("Runs and trail", ("",)),
)  # fmt: skip


def page(connection: Connection) -> str:
    """Give the page's text for the schema as it is."""
    tables = {row["name"]: row["comment"] for row in connection.execute(load_sql("catalogue/select_comments"))}
    columns: dict[str, list[str]] = {name: [] for name in tables}
    for row in connection.execute(load_sql("catalogue/select_key_columns")):
        marks = [mark for mark, is_one in (("PK", row["is_primary"]), ("FK", row["is_foreign"])) if is_one]
        columns[row["name"]].append(f"{row['type'].lstrip('_')} {row['column_name']} {', '.join(marks)}")
    references = [
        (row["name"], row["refers_to"], row["columns"])
        for row in connection.execute(load_sql("catalogue/select_references"))
    ]
    lines = [HEAD]
    for title, _ in PARTS:
        own = [name for name in tables if part_of(name) == title]
        if own:
            lines += [f"## {title}", "", "```mermaid", "erDiagram", *_diagram(own, columns, references), "```", ""]
            lines += ["| table | holds |", "|---|---|"]
            lines += [f"| `{name}` | {tables[name].replace('|', chr(92) + '|')} |" for name in own] + [""]
    return "\n".join(lines).rstrip() + "\n"


def part_of(table: str) -> str:
    """Return the title of the part a table belongs to."""
    return next(title for title, words in PARTS if table.startswith(words))


def _diagram(
    own: Sequence[str], columns: dict[str, list[str]], references: Sequence[tuple[str, str, str]]
) -> list[str]:
    lines = []
    for name in own:
        lines += [f"    {name} {{", *(f"        {column}" for column in columns[name]), "    }"]
    lines += [
        f'    {to} ||--o{{ {name} : "{by}"' for name, to, by in references if name in own
    ]  # fmt: skip
    return lines


def main() -> None:
    """Write the page from an empty database of its own."""
    with tempfile.TemporaryDirectory() as folder, embedded_postgres(Path(folder)) as server:
        prepare_database(server)
        with transaction(server.uri("quant_reader", "quant_data")) as connection:
            PAGE.write_text(page(connection))


if __name__ == "__main__":
    main()
