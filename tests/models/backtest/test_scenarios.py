"""The scenarios' file: complete, typed, and refused line by line where it is not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from models.backtest.scenarios import parse_scenarios, pick
from models.errors import ConfigError

FILE = Path(__file__).resolve().parents[3] / "include" / "scenarios.toml"
NAMED = """Trump Election Rally 2016, Post-COVID Recovery Rally, Dot-Com Bubble Peak, Fed Pivot Rally 2023,
AI Boom 2023, QE3 Rally 2012-2013, Manufacturing Renaissance 2025, COVID-19 Market Crash, Global Financial Crisis 2008,
Silicon Valley Bank Collapse, COVID-19 Full Cycle, GFC 2008-2009 Full Cycle, Dot-Com Full Cycle, Trump Era Full Term,
Fed Tightening Cycle 2022-2023, Banking Crisis 2023 Full Cycle, Tariff Cycle 2025-2026, Flash Crash 2010,
Rate Shock +500bp, Credit Spread Widening, Geopolitical Crisis, Tech Bubble 2.0 Burst, Market Liquidity Crisis,
Stagflation, US Dollar Crisis, Derivatives Disruption, Systemic Cyber Attack, Tariff Implementation 2025,
Trade War Escalation 2025, full period"""

GOOD = """
[[scenario]]
name = "A fall"
kind = "stress"
category = "stress"
why = "a test"
sessions = 10
size = -0.2
"""


def one(**changes: str) -> str:
    """The good scenario with some lines replaced, or added."""
    lines = [line for line in GOOD.strip().splitlines() if line.split(" = ")[0] not in changes]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in changes.items() if value)])


def test_the_file_holds_the_thirty_named_windows_and_two():
    scenarios = parse_scenarios(FILE.read_text())
    named = {" ".join(name.split()) for name in NAMED.split(",")}
    assert len(named) == 30
    assert len(scenarios) == 32
    found = {s.name: s for s in scenarios}
    assert {found[name].kind for name in found if name not in named} == {"regime"}
    assert named < set(found)
    assert {s.kind for s in scenarios} == {"historical", "stress", "regime"}
    assert found["COVID-19 Market Crash"].start == dt.date(2020, 2, 19)
    assert found["full period"].start is None


def test_every_stress_is_seeded_by_itself():
    shocks = [s.shock for s in parse_scenarios(FILE.read_text()) if s.shock]
    assert len({shock.seed for shock in shocks}) == len(shocks) == 10


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"kind": '"future"'},
            r"scenario 1 \(A fall\) is refused \(kind='future'\); it is one of historical",
        ),
        ({"why": ""}, r"why=None.*write why"),
        ({"name": '"A\\nfall"'}, r"name="),
        ({"category": '"Stress"'}, r"category='Stress'"),
        ({"sessions": ""}, r"sessions=None.*needs sessions"),
        ({"sessions": "1.5"}, r"sessions=1.5.*whole number"),
        ({"size": "-20"}, r"size=-20.*number from -0.95"),
        ({"size": "0.001"}, r"size=0.001.*moves the index by 0.01"),
        ({"size": "nan"}, r"size=nan"),
        ({"size": "-0.6", "path": "[2.0]"}, r"size=-0.6.*not to nothing"),
        ({"path": "[]"}, r"path=\[\]"),
        ({"volatility": "inf"}, r"volatility=inf"),
        ({"volume": "true"}, r"volume=True"),
        ({"sectors": '{ "Energy" = "much" }'}, r"sectors.Energy='much'"),
        ({"colour": '"red"'}, r"colour='red'.*no such key"),
        ({"end": "2008-01-01"}, r"end=.*lasts its sessions"),
        ({"start": '"2008-01-01"'}, r"start='2008-01-01'.*without quotes"),
        ({"regime": '"bear"'}, r"regime='bear'.*only kind regime"),
    ],
)
def test_a_bad_line_is_named_with_its_remedy(changes, message):
    with pytest.raises(ConfigError, match=message):
        parse_scenarios(one(**changes))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[scenario]\n", r"line 1"),
        ("", r"at least one"),
        ("[[window]]\n", r"tables=\['window'\]"),
        (one() + "\n" + one(), r"name='A fall'.*name of its own"),
        (one(kind='"historical"', sessions="", size="", start="2008-01-02"), r"end=None.*start and end"),
        (one(kind='"historical"', sessions="", size="", start="2008-01-02", end="2008-01-02"), r"lies after"),
        (one(kind='"historical"', sessions=""), r"size=-0.2.*no such key for this kind"),
        (one(kind='"regime"', sessions="", size="", regime='"boom"'), r"regime='boom'"),
    ],
)
def test_a_bad_file_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_scenarios(text)


def test_names_pick_and_an_unknown_one_is_refused():
    scenarios = parse_scenarios(FILE.read_text())
    assert pick(scenarios, ()) == scenarios
    assert [s.name for s in pick(scenarios, ("full period", "Stagflation"))] == ["full period", "Stagflation"]
    with pytest.raises(ConfigError, match=r"no such scenario.*Stagnation.*one of AI Boom 2023"):
        pick(scenarios, ("Stagnation",))
