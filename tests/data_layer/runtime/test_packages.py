"""make packages: what is known is said, what could not be asked is not called clean."""

from __future__ import annotations

import json
import subprocess
from types import SimpleNamespace

import pytest

from data_layer.runtime import packages

CLEAN = {"name": "numpy", "version": "1", "vulns": []}
WEAK = {"name": "flask", "version": "2", "vulns": [{"id": "CVE-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "ours", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("answer", "code", "lines"),
    [
        ([CLEAN], 0, ["1 packages checked, 0 with a known weakness"]),
        ([CLEAN, WEAK], 1, ["flask 2: CVE-1, mended in 3", "2 packages checked, 1 with a known weakness"]),
        ([CLEAN, UNKNOWN], 0, ["1 packages checked, 0 with a known weakness", f"1 packages {packages.NOT_CHECKED}"]),
        (None, 0, [packages.NOT_CHECKED]),
    ],
)
def test_an_answer_that_did_not_come_is_no_clean_bill(monkeypatch, capsys, answer, code, lines):
    def asked(*_, **__):
        if answer is None:
            return SimpleNamespace(stdout="", stderr="no connection", returncode=1)
        return SimpleNamespace(stdout=json.dumps({"dependencies": answer}))

    monkeypatch.setattr(subprocess, "run", asked)
    assert packages.main() == code
    assert capsys.readouterr().out.splitlines()[-len(lines) :] == lines


def test_every_pinned_package_that_is_installed_states_a_licence():
    rows = packages.licences(packages.pinned_names())
    assert len(rows) > 200
    silent = [name for name, _, licence in rows if licence == "not stated"]
    assert len(silent) <= 3, silent
