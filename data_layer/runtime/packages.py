"""`make packages`: known weaknesses and the licence of every package that is pinned."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from data_layer.runtime.console import ends, say, table
from data_layer.settings import ROOT

PINNED = ROOT / "deploy" / "constraints.txt"
SECONDS = 600.0  # hundreds of packages, one question each
NOT_CHECKED = "not checked for known weaknesses: the service cannot be reached or does not answer"


def pinned_names(path: Path = PINNED) -> list[str]:
    """Return the names of the packages that are pinned, sorted."""
    return sorted(line.split("==")[0].strip() for line in path.read_text().splitlines() if "==" in line)


def audit(path: Path = PINNED) -> Sequence[Mapping[str, Any]] | None:
    """Return what pip-audit says of each pinned package; None when it came to no answer.

    Args:
        path: pinned versions; the service is asked about these, nothing is installed or resolved.
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(path), "--no-deps", "--disable-pip",
               "--progress-spinner", "off", "--format", "json"]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        found: list[Mapping[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None
    return found


def say_weaknesses(found: Sequence[Mapping[str, Any]] | None) -> int:
    """Print what is known; return the number of packages with a known weakness.

    A package that the service does not know is counted as not checked: no answer is no clean bill.
    """
    if found is None:
        say(NOT_CHECKED)
        return 0
    checked = [package for package in found if "vulns" in package]
    weak = [package for package in checked if package["vulns"]]
    for package in weak:
        for weakness in package["vulns"]:
            mended = ", ".join(weakness.get("fix_versions", [])) or "no version yet"
            say(f"{package['name']} {package['version']}: {weakness['id']}, mended in {mended}")
    say(f"{len(checked)} packages checked, {len(weak)} with a known weakness")
    if len(checked) < len(found):
        say(f"{len(found) - len(checked)} packages {NOT_CHECKED}")
    return len(weak)


def licences(names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return name, version and licence of each package that is installed, by what its own metadata says."""
    rows = []
    for name in names:
        try:
            told = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            rows.append((name, "-", "not installed here"))
            continue
        rows.append((name, told.version, _licence(told)))
    return rows


def _licence(told: metadata.Distribution) -> str:
    """Return the licence expression, else the classifiers, else the first line of the licence field."""
    fields: Any = told.metadata
    if expression := fields.get("License-Expression"):
        return str(expression)
    classified = [c.rpartition(" :: ")[2] for c in fields.get_all("Classifier") or () if c.startswith("License ::")]
    if classified:
        return ", ".join(classified)
    stated = re.sub(r"\s+", " ", (fields.get("License") or "").strip().split("\n")[0])
    return stated[:60] or "not stated"


def main() -> int:
    """Print the licences, then the weaknesses; 1 when there is a known one."""
    table(("package", "version", "licence"), licences(pinned_names()))
    return 1 if say_weaknesses(audit()) else 0


if __name__ == "__main__":
    ends(main)
