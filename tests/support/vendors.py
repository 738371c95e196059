"""Vendors for tests: each hands over a file of its own, or fails as told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from data_layer import sources
from data_layer.settings import Settings, parse_settings
from data_layer.sources.files import FilesSource
from tests.support.bars import write_bars


class Vendors:
    """Files and errors by vendor, in the order in which they are asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, *names: str):
        self.folder, self.names, self.errors = folder, names, dict[str, Exception]()
        classes = {name: _vendor(name, self) for name in names}
        monkeypatch.setattr(sources, "available_sources", lambda: classes)

    def settings(self, *names: str, **values: str) -> Settings:
        named = {k.upper(): v for k, v in values.items()}
        return parse_settings(
            self.folder, {"SOURCES": ",".join(names or self.names), "SYMBOLS": "AAPL IBM MSFT", **named}
        )

    def give(self, name: str, rows: Any) -> None:
        write_bars(self.folder / f"{name}.csv", rows)


def _vendor(vendor: str, vendors: Vendors) -> type[FilesSource]:
    class Vendor(FilesSource):
        name = vendor

        def _files(self) -> list[Path]:
            return [vendors.folder / f"{vendor}.csv"]

        def bars(self, *args: Any) -> Any:
            if vendor in vendors.errors:
                raise vendors.errors[vendor]
            return super().bars(*args)

    return Vendor
