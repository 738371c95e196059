"""The one reader of the environment: command line over environment over .env over the home over defaults.

`make NAME=value` puts NAME into the environment; a home remembers what it was started with
(`<home>/settings.json`), so that the scheduler's tasks and a later plain `make run` go on with it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from pathlib import Path

from dotenv import dotenv_values

from data_layer.broker_settings import VARIABLES as BROKER_VARIABLES
from data_layer.broker_settings import BrokerSettings, parse_broker
from data_layer.model_settings import ModelSettings, model_variables, parse_models
from data_layer.source_catalogue import asked_sources, is_finished
from data_layer.upkeep_settings import REMEMBERED as UPKEEP_REMEMBERED
from data_layer.upkeep_settings import UpkeepSettings, parse_upkeep
from data_layer.vendor_settings import (
    VendorSettings,
    address_variables,
    key_variables,
    limit_variables,
    parse_vendors,
)
from data_layer.watch_settings import NOT_REMEMBERED as WATCH_SECRETS
from data_layer.watch_settings import REMEMBERED as WATCH_REMEMBERED
from data_layer.watch_settings import WatchSettings, parse_watch
from models.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
SYMBOL_PATTERN = re.compile(r"[A-Z][A-Z0-9]{0,9}([.\-][A-Z0-9]{1,4})?")
# What a home keeps for its later runs; everything else is read afresh each time.
REMEMBERED = (
    *("SOURCE", "SOURCES", "CROSS_CHECK"),
    *("VENDOR_PRICE_TOLERANCE", "VENDOR_VOLUME_TOLERANCE"),
    *("UNIVERSE", "SYMBOL_CHANGES", "BENCHMARK", "REPORTS"),
    *("FILES", "SYMBOLS", "START", "END"),
    *("DEFAULT_HOLDING_PERIOD", "RISK_FREE_RATE", "INITIAL_CASH"),
    *("COMMISSION_PER_SHARE", "COMMISSION_MINIMUM"),
    *("SLIPPAGE_BPS", "VOLUME_SHARE", "BROKER"),
    *("CASH_RATE", "BORROW_RATE"),
    "FULL_SCORE_WEIGHT",
    "DRY_RUN",
    "STOPS_AT_CLOSE",
    "MARKET_INDEX",
    *limit_variables(),
    *model_variables(),
    *WATCH_REMEMBERED,
    *UPKEEP_REMEMBERED,
    *("SYNTHETIC_SEED", "SYNTHETIC_SYMBOLS"),
)
# Read afresh each time: a key has no place in a home's file, and another address is for one run.
NOT_REMEMBERED = (*key_variables(), *address_variables(), *BROKER_VARIABLES, *WATCH_SECRETS)


@dataclass(frozen=True)
class Settings:
    """Everything a user can set; the field name in upper case is the variable's name."""

    almanac_home: Path
    sources: tuple[str, ...] = ("sample",)  # the one to ask, then those to fall back on, in order
    files: str = ""
    symbols: tuple[str, ...] = ()  # empty: all the source has
    start: dt.date | None = None
    end: dt.date | None = None
    # A week is the horizon the rule-based strategies aim at; two percent is a long-run short-rate mean.
    default_holding_period: int = 5  # sessions
    risk_free_rate: float = 0.02  # per year
    initial_cash: Decimal = Decimal(100_000)  # USD
    # A retail broker's per-share plan and about half the spread of a liquid large cap.
    commission_per_share: Decimal = Decimal("0.005")  # USD
    commission_minimum: Decimal = Decimal("1.00")  # USD per order
    slippage_bps: Decimal = Decimal(5)  # of the open, against us
    # A tenth of a day's volume is the most that fills near the open without moving it by itself.
    volume_share: Decimal = Decimal("0.1")  # fraction of a session's volume one order may be
    full_score_weight: float = 0.05  # fraction of equity at |score| = 1
    dry_run: bool = False
    stops_at_close: bool = False  # judged at the close and sold at the next open, not resting inside the bar
    # A year of 252 sessions: idle cash earns next to nothing at a broker; what is owed or sold short costs a short
    # rate of two percent and a margin, as in the backtest engine.
    cash_rate: Decimal = Decimal(0)
    borrow_rate: Decimal = Decimal("0.03")
    market_index: str = ""  # symbol among the bars that beta and correlation are measured against; none: NULL
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    vendors: VendorSettings = field(default_factory=VendorSettings)
    cross_check: bool = False  # ask every source each time, not only when the one before failed
    # Consolidated prices agree to the cent; a cent is 0.1 % of a ten-dollar share. Vendors count odd lots and
    # late prints differently, which makes volumes of one day differ by some percent.
    vendor_price_tolerance: float = 0.001  # fraction
    vendor_volume_tolerance: float = 0.05  # fraction
    universe: str = ""  # file; when set, only those on it belong to the universe
    symbol_changes: str = ""  # file
    reports: str = ""  # folder that gets tear sheets after each session; empty: none, make report writes them
    benchmark: str = ""  # symbol among the bars that reports compare with; none: the equal-weight universe
    synthetic_seed: int = 1  # of SOURCE=synthetic: the same seed makes the same bars
    synthetic_symbols: int = 20
    models: ModelSettings = field(default_factory=ModelSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    upkeep: UpkeepSettings = field(default_factory=UpkeepSettings)

    @property
    def source(self) -> str:
        """The source asked first."""
        return self.sources[0]

    @property
    def is_static(self) -> bool:
        """True when the source is finished history, so that no clock time brings new sessions."""
        return is_finished(self.source)


def is_symbol(value: object) -> bool:
    """Return whether a value is a ticker, see validate_symbol."""
    return isinstance(value, str) and SYMBOL_PATTERN.fullmatch(value) is not None


def validate_symbol(symbol: str, *, stage: str = "settings") -> str:
    """Return the symbol unchanged, or refuse it.

    Args:
        symbol: one ticker as the exchange writes it: up to ten letters and digits, then a class suffix
            such as ``BRK.B`` or ``BF-B`` at most.
        stage: where it came from, for the message.

    Raises:
        ConfigError: when anything else stands in it; a full match, so no line end or path can hide.
    """
    if not is_symbol(symbol):
        raise ConfigError("malformed symbol", stage=stage, key="symbol", value=symbol,
                          remedy="write upper-case tickers such as AAPL or BRK.B, separated by blanks")  # fmt: skip
    return symbol


def parse_date(text: str, *, key: str, stage: str = "settings") -> dt.date:
    """Return the day that a text names.

    Raises:
        ConfigError: for anything but YYYY-MM-DD; Python alone would also read 20180102 and 2018-W01-2.
    """
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            raise ValueError(text)
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError("not a date", stage=stage, key=key, value=text, remedy="write YYYY-MM-DD") from None


def _number(name: str, text: str, low: Decimal, high: Decimal) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and low <= value <= high):
        raise ConfigError(
            "not a number in range",
            stage="settings",
            key=name,
            value=text,
            remedy=f"set it between {low} and {high}",
        )
    return value


def _flag(name: str, text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ConfigError("not a yes or no", stage="settings", key=name, value=text, remedy="set true or false")


def home_path(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder that holds all state of this installation (ALMANAC_HOME, default .almanac)."""
    env = os.environ if environ is None else environ
    name = env.get("ALMANAC_HOME") or (dotenv_values(ROOT / ".env").get("ALMANAC_HOME") or ".almanac")
    path = Path(name).expanduser()
    return path if path.is_absolute() else (ROOT / path).resolve()


def given_values(
    environ: Mapping[str, str] | None = None, names: Iterable[str] = REMEMBERED
) -> dict[str, str]:
    """Return the settings (default: the remembered kind) that command line, environment or .env name."""
    env = os.environ if environ is None else environ
    merged = {**{k: v or "" for k, v in dotenv_values(ROOT / ".env").items()}, **env}
    return {name: merged[name].strip(" ") for name in names if name in merged}


def remembered_values(home: Path) -> dict[str, str]:
    """Return what the home was started with, empty for a new home.

    Raises:
        ConfigError: when somebody has spoilt the file.
    """
    path = home / "settings.json"
    try:
        values = json.loads(path.read_text()) if path.exists() else {}
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ConfigError(
            "not a JSON object",
            stage="settings",
            key="settings.json",
            value=str(path),
            remedy="remove the file and name SOURCE and the other settings again",
        )
    return values


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings.

    Raises:
        ConfigError: names the variable, its value and what it may be.
    """
    home = home_path(environ)
    afresh = given_values(environ, NOT_REMEMBERED)
    kept = merged_values(remembered_values(home), given_values(environ))
    return parse_settings(home, {**kept, **afresh})


def merged_values(kept: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return what is given over what is kept; SOURCE and SOURCES are two ways to say one thing."""
    names = {"SOURCE", "SOURCES"}
    if any(given.get(name) for name in names):
        kept = {name: value for name, value in kept.items() if name not in names}
    return {**kept, **given}


def parse_settings(home: Path, values: Mapping[str, str]) -> Settings:
    """Turn names and texts into checked settings; an empty text means the default."""
    default = {f.name.upper(): f.default for f in fields(Settings)} | limit_variables()

    def text(name: str) -> str:
        return str(values.get(name, "") or "")

    def number(name: str, low: str, high: str) -> Decimal:
        given = text(name) or str(default[name])
        return _number(name, given, Decimal(low), Decimal(high))

    start, end = (parse_date(text(name), key=name) if text(name) else None for name in ("START", "END"))
    if start and end and start > end:
        span = f"{start} > {end}"
        raise ConfigError(
            "START lies after END", stage="settings", key="START", value=span, remedy="swap them"
        )

    def whole(name: str, low: str, high: str, what: str) -> int:
        value = number(name, low, high)
        if value != int(value):
            raise ConfigError(f"not whole {what}", stage="settings", key=name, value=value,
                              remedy=f"set a whole number of {what}")  # fmt: skip
        return int(value)

    symbols = text("SYMBOLS").strip(" ").replace(",", " ")
    return Settings(
        almanac_home=home,
        sources=asked_sources(text("SOURCE"), text("SOURCES")),
        cross_check=_flag("CROSS_CHECK", text("CROSS_CHECK") or "false"),
        vendor_price_tolerance=float(number("VENDOR_PRICE_TOLERANCE", "0", "1")),
        vendor_volume_tolerance=float(number("VENDOR_VOLUME_TOLERANCE", "0", "2")),
        files=text("FILES"),
        reports="" if text("REPORTS") == "none" else text("REPORTS") or str(home / "reports"),
        universe=text("UNIVERSE"),
        symbol_changes=text("SYMBOL_CHANGES"),
        benchmark=validate_symbol(text("BENCHMARK")) if text("BENCHMARK") else "",
        symbols=tuple(dict.fromkeys(validate_symbol(s) for s in symbols.split(" ") if s)),
        start=start,
        end=end,
        default_holding_period=whole("DEFAULT_HOLDING_PERIOD", "1", "252", "sessions"),
        risk_free_rate=float(number("RISK_FREE_RATE", "-0.1", "1")),
        initial_cash=number("INITIAL_CASH", "1", "1000000000000"),
        commission_per_share=number("COMMISSION_PER_SHARE", "0", "10"),
        commission_minimum=number("COMMISSION_MINIMUM", "0", "1000"),
        slippage_bps=number("SLIPPAGE_BPS", "0", "1000"),
        volume_share=number("VOLUME_SHARE", "0.000001", "1"),
        cash_rate=number("CASH_RATE", "-0.25", "0.25"),
        borrow_rate=number("BORROW_RATE", "0", "2.5"),
        full_score_weight=float(number("FULL_SCORE_WEIGHT", "0", "1")),
        dry_run=_flag("DRY_RUN", text("DRY_RUN") or "false"),
        stops_at_close=_flag("STOPS_AT_CLOSE", text("STOPS_AT_CLOSE") or "false"),
        market_index=validate_symbol(text("MARKET_INDEX")) if text("MARKET_INDEX") else "",
        broker=parse_broker(text),
        vendors=parse_vendors(text, number),
        synthetic_seed=whole("SYNTHETIC_SEED", "0", "1000000000", "numbers"),
        synthetic_symbols=whole("SYNTHETIC_SYMBOLS", "1", "100000", "symbols"),
        models=parse_models(text),
        watch=parse_watch(text),
        upkeep=parse_upkeep(text),
    )
