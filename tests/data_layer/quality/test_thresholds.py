"""The settings file of the gate: what stands in it, and what it refuses."""

from __future__ import annotations

import re

import pytest

from data_layer.quality.thresholds import BOUNDS, PATH, load_thresholds
from models.errors import ConfigError

TEXT = PATH.read_text()


def load(tmp_path, text):
    path = tmp_path / f"quality_{abs(hash(text))}.toml"
    path.write_text(text)
    return load_thresholds(path)


def test_the_file_states_the_rule_of_the_house():
    gate = load_thresholds().gate
    assert [gate.missing_allowed(n) for n in (1, 20, 40, 397)] == [1, 1, 2, pytest.approx(19.85)]
    assert [gate.quarantine_allowed(n) for n in (1, 100, 397)] == [1, 1, pytest.approx(3.97)]
    assert gate.sessions_behind == 1 and load_thresholds().cross_checks.jump == 0.3


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("value", ["-1", "nan", "inf", '"5"', "true", "1e9", "[1]"])
def test_a_value_out_of_bounds_is_named(tmp_path, name, value):
    text = re.sub(rf"^{name} = [^#\n]*", f"{name} = {value}  ", TEXT, flags=re.M)
    assert text != TEXT
    with pytest.raises(ConfigError, match=rf"in range.*{name}.*set it between"):
        load(tmp_path, text)


@pytest.mark.parametrize("name", ["missing_symbols", "quarantined_bars", "sessions_behind"])
def test_a_count_is_whole(tmp_path, name):
    with pytest.raises(ConfigError, match="not a whole number"):
        load(tmp_path, re.sub(rf"^{name} = \d+", f"{name} = 1.5", TEXT, flags=re.M))


@pytest.mark.parametrize("value", ["[]", "[0.5]", "2", "[true]", '["2"]', "[nan]"])
def test_ratios_are_ratios(tmp_path, value):
    with pytest.raises(ConfigError, match="not ratios"):
        load(tmp_path, re.sub(r"^split_ratios = \[[^\]]*\]", f"split_ratios = {value}", TEXT, flags=re.M))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT + "\nextra = 1\n", r"unknown name.*adjusted\.extra"),
        (TEXT.replace("[adjusted]", "[ajusted]"), "unknown name.*ajusted"),
        (re.sub(r"^jump = .*\n", "", TEXT, flags=re.M), r"missing.*cross_checks\.jump"),
        (TEXT.split("[adjusted]")[0], "missing.*adjusted"),
        ("gate = 1\ncross_checks = 1\nadjusted = 1\n", "not a section"),
        ("[gate", "cannot be read"),
    ],
)
def test_what_is_unknown_or_missing_is_refused(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_thresholds(tmp_path / "no.toml")
