"""`make quality-report OUT=folder [FILES=...]`: what the gate found, and adjusted closes rebuilt against a vendor's."""

from __future__ import annotations

import os
from pathlib import Path

from data_layer.quality.report import write_report
from data_layer.runtime.console import ends, say
from data_layer.runtime.home import Home
from data_layer.settings import ROOT, home_path
from models.errors import ConfigError


def main() -> int:
    """Write the report from this home's tables."""
    if not os.environ.get("OUT"):
        raise ConfigError("no folder named", stage="quality_report", key="OUT", remedy="name one: OUT=report")
    vendor = os.environ.get("FILES", "")
    path = ROOT / Path(vendor).expanduser() if vendor else None
    for written in write_report(Home(home_path()).uri("quant_reader"), Path(os.environ["OUT"]), path):
        say(str(written))
    return 0


if __name__ == "__main__":
    ends(main)
