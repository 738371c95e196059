"""Settings: who wins, and that every bad value says which, what and how to mend it."""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import fields
from decimal import Decimal
from pathlib import Path

import pytest

from data_layer import settings as module
from data_layer.broker_settings import VARIABLES as BROKER_VARIABLES
from data_layer.model_settings import model_variables
from data_layer.settings import (
    NOT_REMEMBERED,
    REMEMBERED,
    Settings,
    load_settings,
    parse_settings,
    validate_symbol,
)
from data_layer.upkeep_settings import REMEMBERED as UPKEEP_REMEMBERED
from data_layer.vendor_settings import address_variables, key_variables, limit_variables
from data_layer.watch_settings import NOT_REMEMBERED as WATCH_SECRETS
from data_layer.watch_settings import REMEMBERED as WATCH_REMEMBERED
from models.errors import ConfigError

# What a home is started with; read by runtime/home.py and runtime/elsewhere.py.
OF_A_START = {"ALMANAC_HOME", "AIRFLOW_PORT", "POSTGRES_PORT", "DATABASE_URL", "REDIS_URL", "API_SERVER_URL",
              "PUBLIC_URL"}  # fmt: skip
BAD = {
    "KAFKA_BROKERS": ["broker", "broker:", ":9092", "broker:9092;x:1", "me:secret@broker:9092", "http://broker:9092"],
    "RETENTION_DAYS": ["29", "-400", "1e3", "40000", "\u0664\u0664", "a year"],
    "RETENTION_REMOVES": ["maybe", "2"],
    "START": [
        "yesterday",
        "2018-13-01",
        "2018-02-29",
        "20180101",
        "2018-W01-1",
        "2018-1-1",
        "01/02/2018",
        " ",
    ],
    "END": ["2018", "2018-01-01T00:00:00", "٢٠١٨-٠١-٠١"],
    "SYMBOLS": [
        "AAPL\n",
        "AAPL\nMSFT",
        "../x",
        "aapl",
        "A' OR 1=1 --",
        "AAPL;MSFT",
        "AAPLAAPLAAPL",
        "\tAAPL",
        "A\0",
    ],
    "DEFAULT_HOLDING_PERIOD": ["0", "253", "2.5", "x", "NaN", "Infinity", "-1"],
    "RISK_FREE_RATE": ["2", "-0.2", "nan", "2%"],
    "INITIAL_CASH": ["0", "-1", "1e13", "inf", "100,000"],
    "COMMISSION_PER_SHARE": ["-0.01", "11", "nan"],
    "COMMISSION_MINIMUM": ["-1", "1001"],
    "SLIPPAGE_BPS": ["-1", "1001", "five"],
    "CASH_RATE": ["0.26", "-0.26", "2 %"],
    "BORROW_RATE": ["-0.01", "3", "nan"],
    "FULL_SCORE_WEIGHT": ["-0.01", "1.01", "nan"],
    "ALMANAC_ARTIFACTS": ["s3://key:secret@bucket/models", "sftp://me@host/models"],
    "MLFLOW_TRACKING_URI": ["https://me:secret@host"],
    "MARKET_INDEX": ["spx", "SPY\n", "SPY QQQ"],
    "DRY_RUN": ["maybe", "2", "NaN"],
    "STOPS_AT_CLOSE": ["maybe", "2", "NaN"],
    "SOURCES": ["polygon,polygon", "polygon,sample"],
    "CROSS_CHECK": ["maybe", "2"],
    "VENDOR_PRICE_TOLERANCE": ["-0.1", "1.1", "nan"],
    "VENDOR_VOLUME_TOLERANCE": ["-0.1", "2.1", "wide"],
    "BENCHMARK": ["spy", "SPY QQQ"],
    **{key: ["0", "-1", "2.5", "1e9", "nan", "many"] for key in limit_variables()},
    "BROKER": ["live", "robinhood"],
    "VOLUME_SHARE": ["0", "1.1", "nan", "all"],
    "SYNTHETIC_SEED": ["-1", "1.5", "x"],
    "SYNTHETIC_SYMBOLS": ["0", "100001", "2.5", "many"],
    "METRICS_TO": ["collector:4318", "http://collector", "http://me:secret@collector:4318", "http://a:1/v1", "ftp://a:1",
                   "statsd://collector"],
    "NOTIFY_EMAIL": ["ops", "a@b c", "a@b\n.c", "Ops <ops@example.com>"],
    "SESSION_DEADLINE": ["9:15", "24:00", "09:60", "noon", "09:15:00"],
}


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """An empty place in the repository's stead, so that nobody's .env takes part."""
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(("key", "value"), [(k, v) for k, values in BAD.items() for v in values])
def test_a_bad_value_names_key_value_and_remedy(tmp_path, key, value):
    with pytest.raises(ConfigError) as caught:
        parse_settings(tmp_path, {key: value})
    error = caught.value
    assert error.stage == "settings"
    assert error.key == ("symbol" if key in {"SYMBOLS", "MARKET_INDEX", "BENCHMARK"} else key)
    assert str(error.value).strip() in value or error.value == value
    assert error.remedy and error.remedy in str(error) and repr(error.value) in str(error)


def test_tear_sheets_go_into_the_home_unless_another_folder_or_none_is_named(tmp_path):
    for given, folder in (("", str(tmp_path / "reports")), ("none", ""), ("/elsewhere", "/elsewhere")):
        assert parse_settings(tmp_path, {"REPORTS": given}).reports == folder


def test_every_remembered_setting_that_can_be_wrong_is_tried():
    judged_by_their_readers = {"SOURCE", "FILES", "UNIVERSE", "SYMBOL_CHANGES", "REPORTS"}
    assert set(REMEMBERED) - set(BAD) == judged_by_their_readers
    own = {f.name.upper() for f in fields(Settings)} - {"ALMANAC_HOME", "VENDORS", "MODELS", "WATCH", "UPKEEP"}
    kept = {*limit_variables(), *model_variables(), *WATCH_REMEMBERED, *UPKEEP_REMEMBERED}
    assert own | kept == set(REMEMBERED) - {"SOURCE"}
    assert set(NOT_REMEMBERED) == {*key_variables(), *address_variables(), *BROKER_VARIABLES, *WATCH_SECRETS}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("METRICS_TOKEN", "short"), ("METRICS_TOKEN", "x" * 31 + "\n"), ("NOTIFY_WEBHOOK", "http://example.com/secret"),
        ("NOTIFY_WEBHOOK", "secret"), ("NOTIFY_TELEGRAM", "https://api.telegram.org/botsecret/sendMessage"),
        ("NOTIFY_TELEGRAM", "http://api.telegram.org/botsecret/sendMessage?chat_id=1"),
    ],
)  # fmt: skip
def test_a_bad_secret_is_refused_and_not_repeated(tmp_path, key, value):
    with pytest.raises(ConfigError, match=key) as caught:
        parse_settings(tmp_path, {key: value})
    assert value not in str(caught.value)


def test_secrets_are_not_printed(tmp_path):
    secret = {"METRICS_TOKEN": "s" * 40, "NOTIFY_WEBHOOK": "https://example.com/hush",
              "NOTIFY_TELEGRAM": "https://api.telegram.org/bothush/sendMessage?chat_id=1"}  # fmt: skip
    printed = repr(parse_settings(tmp_path, secret))
    assert "hush" not in printed and "ssss" not in printed


def test_start_after_end_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"START lies after END.*2018-02-01 > 2018-01-31.*swap"):
        parse_settings(tmp_path, {"START": "2018-02-01", "END": "2018-01-31"})
    assert parse_settings(tmp_path, {"START": "2018-01-31", "END": "2018-01-31"}).start == dt.date(
        2018, 1, 31
    )


def test_defaults_hold_where_nothing_is_said(tmp_path):
    plain = Settings(tmp_path, reports=str(tmp_path / "reports"))
    assert parse_settings(tmp_path, {}) == parse_settings(tmp_path, dict.fromkeys(REMEMBERED, "")) == plain


def test_values_are_read_exactly(tmp_path):
    read = parse_settings(
        tmp_path,
        {
            "SOURCE": "files",
            "FILES": "x.csv",
            "SYMBOLS": "MSFT, BRK.B AAPL  MSFT",
            "START": "2018-01-02",
            "END": "2018-12-31",
            "INITIAL_CASH": "250000.10",
            "COMMISSION_PER_SHARE": "0.0035",
            "DEFAULT_HOLDING_PERIOD": "10",
            "RISK_FREE_RATE": "0.035",
            "SLIPPAGE_BPS": "2.5",
            "DRY_RUN": "Yes",
            "COMMISSION_MINIMUM": "0.35",
            "FULL_SCORE_WEIGHT": "0.1",
            "REPORTS": "none",
        },
    )
    assert read == Settings(
        tmp_path,
        ("files",),
        "x.csv",
        ("MSFT", "BRK.B", "AAPL"),
        dt.date(2018, 1, 2),
        dt.date(2018, 12, 31),
        10,
        0.035,
        Decimal("250000.10"),
        Decimal("0.0035"),
        Decimal("0.35"),
        Decimal("2.5"),
        full_score_weight=0.1,
        dry_run=True,
    )


def test_precedence(root):
    """Command line and environment (make puts one into the other), .env, the home, the default."""
    home = root / "home"
    home.mkdir()
    environ = {"ALMANAC_HOME": str(home)}
    assert load_settings(environ).slippage_bps == 5
    (home / "settings.json").write_text(json.dumps({"SLIPPAGE_BPS": "6", "DRY_RUN": "true"}))
    assert load_settings(environ).slippage_bps == 6
    (root / ".env").write_text("SLIPPAGE_BPS=7\n")
    assert load_settings(environ).slippage_bps == 7
    assert load_settings({**environ, "SLIPPAGE_BPS": "8"}).slippage_bps == 8
    assert load_settings({**environ, "SLIPPAGE_BPS": "8"}).dry_run is True
    # An empty text on the command line takes back what the home was started with.
    assert load_settings({**environ, "SLIPPAGE_BPS": ""}).slippage_bps == 5


def test_where_the_home_is(root, monkeypatch):
    assert load_settings({}).almanac_home == root / ".almanac"
    (root / ".env").write_text("ALMANAC_HOME=elsewhere\n")
    assert load_settings({}).almanac_home == root / "elsewhere"
    assert load_settings({"ALMANAC_HOME": "/there"}).almanac_home.as_posix() == "/there"
    monkeypatch.setenv("ALMANAC_HOME", str(root / "mine"))
    assert load_settings().almanac_home == root / "mine"


@pytest.mark.parametrize("text", ["{", "[]", '"x"', ""])
def test_a_spoilt_memory_is_named(root, text):
    (root / "settings.json").write_text(text)
    with pytest.raises(ConfigError, match=r"settings.json.*remove the file"):
        load_settings({"ALMANAC_HOME": str(root)})


def test_a_line_end_in_the_environment_is_not_forgiven(root):
    with pytest.raises(ConfigError, match=r"malformed symbol.*AAPL\\n"):
        load_settings({"ALMANAC_HOME": str(root), "SYMBOLS": "AAPL\n"})


@pytest.mark.parametrize("symbol", ["A", "AAPL", "BRK.B", "BF-B", "GOOGL", "A1", "ABCDEFGHIJ.WXYZ"])
def test_symbols_as_exchanges_write_them(symbol):
    assert validate_symbol(symbol) == symbol


@pytest.mark.parametrize(
    "symbol", ["", " ", "AAPL ", "\nA", "A\n", "A.", ".B", "A..B", "A.BCDEF", "Ä", "A/B", "А"]
)
def test_anything_else_is_no_symbol(symbol):
    with pytest.raises(ConfigError, match=r"\[a_stage\] malformed symbol.*upper-case tickers"):
        validate_symbol(symbol, stage="a_stage")


def test_the_documented_table_has_every_setting_and_its_default():
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    table = text.partition("## Settings")[2].partition("\n## ")[0]
    stated: dict[str, str] = {}
    for line in (line for line in table.splitlines() if line.startswith("| `")):
        names, defaults = (cell.strip() for cell in line.split("|")[1:3])
        names = re.findall("`([A-Z_]+)`", names)
        stated |= zip(names, defaults.split(", ") if "," in defaults else [defaults] * len(names), strict=True)
    assert set(stated) == {*REMEMBERED, *NOT_REMEMBERED, *OF_A_START}
    is_set = parse_settings(Path(), {})
    known = {**{f.name.upper(): getattr(is_set, f.name) for f in fields(is_set)}, **is_set.vendors.limits,
             **{f.name.upper(): getattr(is_set.upkeep, f.name) for f in fields(is_set.upkeep)},
             "SESSION_DEADLINE": f"{is_set.watch.deadline:%H:%M}"}  # fmt: skip
    numbers = {name: value for name, value in known.items() if isinstance(value, bool | int | float | Decimal)}
    assert {name: Decimal(stated[name]) for name, value in numbers.items() if not isinstance(value, bool)} == {
        name: Decimal(str(value)) for name, value in numbers.items() if not isinstance(value, bool)
    }
    assert {stated[name] for name, value in numbers.items() if value is False} == {"false"}
    assert stated["SESSION_DEADLINE"] == known["SESSION_DEADLINE"]
