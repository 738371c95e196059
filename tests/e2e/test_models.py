"""What a user does with a model, in order: train, look, promote on their own word, predict, go back."""

from __future__ import annotations

import re

import pytest

from tests.e2e.test_user import ROOT

pytestmark = pytest.mark.e2e


def documented(target: str) -> str:
    """The command as docs/commands.md has it."""
    found = re.search(rf"`(make {target}\b[^`]*)`", (ROOT / "docs" / "commands.md").read_text())
    assert found, target
    return found[1]


def test_a_model_from_training_to_going_back(installation):
    done = installation.run(documented("train"))
    assert done.returncode == 0, done.stdout
    assert re.search(r"fold 3 of 3.*\n", done.stdout) and "version 1 refused" in done.stdout, done.stdout
    refused = installation.run("make promote VERSION=1")
    assert refused.returncode != 0 and "REFUSED deflated_sharpe" in refused.stdout, refused.stdout
    nothing = installation.run(documented("predict"))
    assert nothing.returncode != 0 and "no promoted version" in nothing.stdout, nothing.stdout
    promoted = installation.run(documented("promote"))
    assert promoted.returncode == 0 and "waived by A. Person" in promoted.stdout, promoted.stdout
    predicted = installation.run(documented("predict"))
    assert predicted.returncode == 0, predicted.stdout
    assert int(installation.sql("select count(*) from predictions")[0][0]) > 250
    listed = installation.run("make models").stdout
    assert re.search(r"alpha158_lightgbm .*promoted.*A\. Person: to try it on paper", listed), listed
    back = installation.run(documented("rollback"))
    assert back.returncode != 0 and "no earlier version was in use" in back.stdout, back.stdout
    assert installation.sql("select tracking_run is not null, tracking_error from training_runs") == [
        ["t", ""]
    ]
