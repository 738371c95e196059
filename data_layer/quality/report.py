"""The quality report: what the gate found in the stored bars, as lists that people can work through."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds

from data_layer.quality.adjusted import compare_adjusted
from data_layer.quality.decisions import quarantined_rows
from data_layer.quality.findings import read_checked, sentence
from data_layer.quality.thresholds import load_thresholds
from data_layer.storage.database import load_sql, transaction
from models.errors import ConfigError

STAGE = "quality_report"
EXAMPLES = 10  # of each kind in the summary; the lists have all


def write_report(uri: str, out: Path, vendor: Path | None) -> list[Path]:
    """Write what the gate found into a folder.

    Args:
        uri: connection URI of a role that may read.
        out: folder; made when missing, its files replaced.
        vendor: Parquet or CSV with symbol, date and the vendor's adjusted_close, to rebuild against; None to
            leave that out.

    Returns:
        The files written: report.md, findings.csv, quarantine.csv and, with a vendor, adjusted_closes.csv.

    Raises:
        ConfigError: when there are no bars, or the vendor's file lacks the column.
    """
    with transaction(uri) as connection:
        held = connection.execute(load_sql("market_data/select_coverage")).fetchone() or {}
        findings = connection.execute(load_sql("quality_findings/select_report")).fetchall()
        quarantine = quarantined_rows(connection)
        refused = {
            (row["symbol"], str(row["session_date"]))
            for row in connection.execute(load_sql("quarantine/select_actions"))
        }
    if not held["bars"]:
        raise ConfigError(
            "no bars are stored", stage=STAGE, key="market_data", remedy="run data_ingestion first"
        )
    rebuilt = _rebuild(uri, held["first"], held["last"], vendor, refused) if vendor else None
    out.mkdir(parents=True, exist_ok=True)
    written = [
        _write(out / "findings.csv", findings),
        _write(out / "quarantine.csv", quarantine),
    ]
    if rebuilt is not None:
        written.append(out / "adjusted_closes.csv")
        rebuilt.to_csv(written[-1], index=False)
    (out / "report.md").write_text(_summary(held, findings, quarantine, rebuilt))
    return [out / "report.md", *written]


def _rebuild(
    uri: str, first: dt.date, last: dt.date, vendor: Path, refused: set[tuple[str, str]]
) -> pd.DataFrame:
    stated = _vendor_closes(vendor)
    bars, actions = read_checked(uri, first, last)
    tolerance = load_thresholds().adjusted.tolerance
    return compare_adjusted(bars, actions, stated, refused, tolerance)


def _vendor_closes(path: Path) -> pd.DataFrame:
    columns = ["symbol", "date", "adjusted_close"]
    try:
        dataset = ds.dataset(path, format="csv" if path.suffix == ".csv" else "parquet")
        missing = [c for c in columns if c not in dataset.schema.names]
        frame: pd.DataFrame = dataset.to_table(columns=columns).to_pandas() if not missing else pd.DataFrame()
    except (pa.ArrowException, OSError) as error:
        raise ConfigError(
            "cannot be read", stage=STAGE, key="FILES", value=str(path), remedy=str(error)
        ) from error
    if missing:
        raise ConfigError(
            "no vendor's adjusted closes to compare with",
            stage=STAGE,
            key="FILES",
            value=str(path),
            remedy=f"name a file with the columns {', '.join(columns)}, or leave FILES empty",
        )
    frame["date"] = pd.to_datetime(frame["date"])
    good = (frame["adjusted_close"] > 0) & (frame["adjusted_close"] < float("inf"))
    return frame[good].drop_duplicates(["symbol", "date"], keep="last")


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    names = list(rows[0]) if rows else ["nothing"]
    with path.open("w", newline="") as lines:
        writer = csv.DictWriter(lines, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def _summary(
    held: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    quarantine: Sequence[Mapping[str, Any]],
    rebuilt: pd.DataFrame | None,
) -> str:
    lines = ["# Quality of the stored bars", ""]
    if held["is_synthetic"]:
        lines += ["The bars are synthetic: made up from a seed, no market ever traded them.", ""]
    lines += [
        f"{held['bars']:,} bars of {held['symbols']} symbols, {held['first']} to {held['last']}; "
        f"{len(quarantine)} rows in quarantine.",
        "",
        "Findings are flagged, never removed: a `defect` contradicts the bars around it, a `suspect` happens in "
        "truth as well.",
        "",
        "| check | severity | findings |",
        "|---|---|---|",
    ]
    counts = Counter((row["check_name"], row["severity"]) for row in findings)
    lines += [f"| {check} | {severity} | {n} |" for (check, severity), n in sorted(counts.items())]
    for row in quarantine[:EXAMPLES]:
        lines.append(f"\nIn quarantine: {row['symbol']} {row['session_date']}, {row['reason']}.")
    for check in sorted({row["check_name"] for row in findings}):
        # Defects first: the list is long where markets were wild.
        kind = sorted((r for r in findings if r["check_name"] == check), key=lambda r: r["severity"])
        lines += ["", f"## {check}", "", *(f"- {sentence(row)}" for row in kind[:EXAMPLES])]
        if len(kind) > EXAMPLES:
            lines.append(f"- and {len(kind) - EXAMPLES} more in findings.csv")
    if rebuilt is not None:
        away = rebuilt[~rebuilt["within"]]
        share = 1 - len(away) / len(rebuilt)
        lines += [
            "",
            "## Adjusted closes rebuilt from raw closes and actions",
            "",
            f"{len(rebuilt) - len(away)} of {len(rebuilt)} symbols ({share:.1%}) agree with the vendor's within "
            f"{load_thresholds().adjusted.tolerance:.1%} at every session. The others:",
            "",
            "| symbol | largest difference | first date | likely cause |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| {row.symbol} | {row.worst:.1%} | {row.first_date} | {row.cause_date}: {row.cause} |"
            for row in away.itertuples(index=False)
        ]
    return "\n".join(lines) + "\n"
