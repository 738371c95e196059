"""The whole API asked at length by who may do everything: nothing answers 5xx, or otherwise than it is described."""

from __future__ import annotations

import pytest

from tests.plugins.web.conftest import airflow_home, app, as_role, over
from tests.support.openapi import hold_to_its_description
from tests.support.prepared import failed_checks

pytestmark = pytest.mark.faults
__all__ = ["airflow_home", "app", "as_role", "over"]
EXAMPLES = 150


def test_an_administrator_breaks_nothing(as_role, over, chained, app, monkeypatch, small_settings):
    over(chained)
    as_role("admin")
    monkeypatch.setattr("airflow.api.common.trigger_dag.trigger_dag", lambda *_, **__: None)
    monkeypatch.setenv("ALMANAC_HOME", str(small_settings.almanac_home))
    assert hold_to_its_description(app, "admin", EXAMPLES) > 25
    assert not failed_checks(chained.reader)
