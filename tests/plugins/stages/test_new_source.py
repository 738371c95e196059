"""A vendor in a file of its own, that of the documentation, goes through the stage without any other edit."""

from __future__ import annotations

import datetime as dt
import json
import re
import sys
from pathlib import Path

import pytest

from data_layer import sources
from data_layer.runtime import airflow_db
from data_layer.runtime.environment import inherited
from data_layer.settings import Settings, parse_settings
from data_layer.source_catalogue import declared_sources, live_sources
from models.errors import ConfigError
from plugins.vendor_keys import with_connections
from tests.data_layer.sources import test_contract as contract
from tests.support import sources as hooks
from tests.support.chain import query, run_stage
from tests.support.vendor_market import sample_market
from tests.support.vendor_pages import D, Page
from tests.support.vendor_stub import serve

ROOT = Path(__file__).resolve().parents[3]
HOOK = """
from tests.plugins.stages.test_new_source import answer
from tests.support.sources import REAL, vendor_settings

CASES = vendor_settings("my_vendor")
SYMBOLS, REPLAYS = REAL, True
ROUTES = (("/my/", answer),)
"""


def answer(market, size, url, path, query, mode):
    symbol, kind = query["symbol"], path.rsplit("/", maxsplit=1)[-1]
    if kind == "names":
        known = any(row["symbol"] == symbol for row in market.rows)
        return Page("details", {"rows": [{"name": symbol, "since": "1990-01-02"}] if known else []})
    first, last = D(query["from"]), D(query["to"])
    if kind == "actions":
        found = [a for k in ("split", "dividend") for a in market.acted(k, [symbol], first, last)]
        return Page("actions", {"rows": [{"ex": str(a[1]), "kind": a[2], "value": str(a[3])} for a in found]})
    names = dict(zip("ohlcv", ("open", "high", "low", "close", "volume"), strict=True))
    rows = [{**{k: row[n] for k, n in names.items()}, "day": str(row["date"])}
            for row in market.bars([symbol], first, last)]  # fmt: skip
    return Page("bars", {"rows": rows})


@pytest.fixture
def added(tmp_path):
    """The documentation's source, in a folder that the package also looks into."""
    folder, beside = tmp_path / "sources", tmp_path / "hooks"
    folder.mkdir()
    beside.mkdir()
    code = re.search(r'```python\n("""My vendor.*?)```', (ROOT / "docs/extending.md").read_text(), re.DOTALL)
    (folder / "my_vendor.py").write_text(code[1])
    sources.__path__.append(str(folder))
    hooks.__path__.append(str(beside))
    try:
        yield beside / "my_vendor.py"
    finally:
        sources.__path__.remove(str(folder))
        hooks.__path__.remove(str(beside))
        for module in (sources, hooks):
            sys.modules.pop(f"{module.__name__}.my_vendor", None)


def test_a_new_file_is_a_source_with_its_variables_and_its_pool(added, tmp_path, monkeypatch):
    assert "my_vendor" in live_sources() and "pools alpaca my_vendor polygon" in airflow_db._mark()
    assert not Settings(tmp_path, sources=("my_vendor",)).is_static
    given = {"SOURCE": "my_vendor", "START": "2005-02-01", "MY_VENDOR_CALLS_PER_MINUTE": "7"}
    settings = parse_settings(tmp_path, given)
    assert settings.vendors.addresses["MY_VENDOR_URL"] == "https://api.my-vendor.example"
    with pytest.raises(ConfigError, match="MY_VENDOR_URL"):
        parse_settings(tmp_path, {**given, "MY_VENDOR_URL": "https://evil.example"})
    source = sources.open_source(settings)
    assert source._calls.bucket.calls == 7
    with pytest.raises(ConfigError, match=r"MY_VENDOR_KEY.*Airflow connection `my_vendor`"):
        source.key("MY_VENDOR_KEY")
    monkeypatch.setenv("AIRFLOW_CONN_MY_VENDOR", json.dumps({"conn_type": "http", "password": "my-key"}))
    assert "AIRFLOW_CONN_MY_VENDOR" in inherited()
    told = with_connections(settings)
    assert sources.open_source(told).key("MY_VENDOR_KEY") == "my-key" and "my-key" not in repr(told)
    assert declared_sources()["my_vendor"].keys == {"MY_VENDOR_KEY": "password"}


def test_the_contract_finds_it_and_asks_for_its_stub(added, monkeypatch):
    monkeypatch.setattr(contract, "CLASSES", sources.available_sources())
    assert ("my_vendor", "") in [tuple(case.values) for case in contract.cases()]
    with pytest.raises(AssertionError, match=r"write tests/support/sources/my_vendor\.py"):
        hooks.hook("my_vendor")
    added.write_text(HOOK)
    for cases in (contract.cases(), contract.cases(replays=True)):
        assert ("my_vendor", "my_vendor") in [tuple(case.values) for case in cases]


def test_it_keeps_the_contract_and_goes_through_the_stage(added, database, tmp_path):
    added.write_text(HOOK)
    with serve(sample_market()) as stub:
        source = sources.open_source(hooks.hook("my_vendor").CASES["my_vendor"](tmp_path, stub))
        for test in (
            contract.test_sessions_are_the_exchanges_and_ascend,
            contract.test_actions_carry_exact_values,
        ):
            test(source)
        contract.test_all_sources_hand_over_the_same_bars(source, tmp_path)
        stub.market.until = D("2005-02-28")
        now = dt.datetime(2005, 3, 1, 12, tzinfo=dt.UTC)
        run_stage(database.writer, source.settings, "data_ingestion", logical_date=now, now=now)
        assert all(headers["authorization"] == "Bearer my-vendor-key-1" for _, headers in stub.asked)
    bars = query(database.reader, "SELECT source, count(*) AS n FROM market_data GROUP BY 1")
    assert bars == [{"source": "my_vendor", "n": 2 * 19}]
    splits = query(database.reader, "SELECT symbol FROM corporate_actions WHERE action_type = 'split'")
    assert splits == [{"symbol": "AAPL"}]


def test_a_declaration_that_is_no_literal_is_refused_with_its_place(added, tmp_path):
    path = tmp_path / "sources" / "my_vendor.py"
    path.write_text(path.read_text().replace('name = "my_vendor"', 'name = "my" + "_vendor".lower()'))
    with pytest.raises(ConfigError, match=r"no literal.*MyVendorSource\.name.*my_vendor\.py"):
        declared_sources()
