"""feature_engineering: a restated row and a changed set get versions of their own, and the old ones stay."""

from __future__ import annotations

import pytest

from data_layer.features import registry
from data_layer.features.registry import catalogue, indicator
from data_layer.storage.database import read_frame, transaction
from data_layer.storage.hashes import table_hashes
from models.errors import DataQualityError
from tests.support.chain import run_stage
from tests.support.features import bits, stored
from tests.support.files_home import HALF, LAST, SESSIONS, D

STAGE = "feature_engineering"


def hashes(uri, *tables):
    with transaction(uri) as connection:
        return table_hashes(connection, tables)


def tamper(home):
    with transaction(home.owner) as connection:
        statement = (
            "UPDATE feature_values SET values[1] = 42 "
            "WHERE symbol = 'AAPL' AND date = '2005-02-25' AND feature_set = 'technical'"
        )
        assert connection.execute(statement).rowcount == 1


def test_restating_keeps_the_old_version_and_marks_what_rests_on_it(featured):
    before = hashes(featured.uri)
    tamper(featured)
    with pytest.raises(DataQualityError, match=r"stored rows differ.*AAPL.*2005-02-25.*restate=true"):
        run_stage(featured.uri, featured.settings, STAGE, start=HALF)
    assert featured.query("SELECT count(*) FROM feature_values_history") == [(0,)]
    run_stage(featured.uri, featured.settings, STAGE, start=HALF, restate=True)
    history = featured.query("SELECT symbol, date, values[1] FROM feature_values_history")
    assert history == [("AAPL", D(HALF), 42.0)]
    after = hashes(featured.uri)
    assert {t for t in after if after[t] != before[t]} == {"feature_values_history", "stage_runs"}
    stale = featured.query(
        "SELECT stage, min(session_date) FROM stage_runs WHERE stale_reason LIKE 'features restated%%' "
        "AND model = '' GROUP BY 1 ORDER BY 1"
    )
    assert stale == [(s, D(HALF)) for s in ("model_execution", "performance_testing", "risk_execution")]
    # Nothing differs any more: nothing is written.
    run_stage(featured.uri, featured.settings, STAGE, start=HALF, restate=True)
    assert hashes(featured.uri) == after


def test_restating_one_symbol_leaves_the_others_alone(featured):
    tamper(featured)
    run_stage(featured.uri, featured.settings, STAGE, start=HALF, symbols="IBM MSFT")
    run_stage(featured.uri, featured.settings, STAGE, start=HALF, symbols="IBM", restate=True)
    assert featured.query("SELECT count(*) FROM feature_values_history") == [(0,)]
    with pytest.raises(DataQualityError, match="stored rows differ"):
        run_stage(featured.uri, featured.settings, STAGE, start=HALF, symbols="AAPL")


@pytest.fixture
def one_more_indicator(monkeypatch):
    registry.feature_sets()
    monkeypatch.setattr(registry, "_columns", dict(registry._columns))

    @indicator(
        "close_twice",
        formula="close twice over",
        inputs=("close",),
        windows=(1,),
        warm_up=lambda w: 0,
        unit="price",
    )
    def close_twice(panel, window):
        return panel.close * 2


def test_a_changed_set_gets_a_version_of_its_own(featured, market, request):
    old = stored(featured.uri)
    old_names = [d.name for d in catalogue()]
    request.getfixturevalue("one_more_indicator")
    names = [d.name for d in catalogue()]
    assert set(names) - set(old_names) == {"close_twice"}
    # No session is due, and still all of history is computed; a run over some symbols computes it for all.
    run_stage(featured.uri, featured.settings, STAGE, start=LAST, symbols="IBM")
    counts = "SELECT feature_set, version, count(*) FROM feature_values GROUP BY 1, 2"
    others = [s for s in registry.feature_sets() if s != "technical"]
    assert set(featured.query(counts)) == {
        ("technical", 2, 3 * SESSIONS),
        *((feature_set, 1, 3 * SESSIONS) for feature_set in ("technical", *others)),
    }
    assert (bits(stored(featured.uri)["values"]) == bits(old["values"])).all()
    new = stored(featured.uri, version=2)
    kept = [names.index(n) for n in old_names]
    assert (bits(new["values"])[:, kept] == bits(old["values"])).all()
    wide = read_frame(featured.uri, "SELECT * FROM features_technical ORDER BY symbol, date")
    assert list(wide.columns) == ["symbol", "date", *names, "is_synthetic"]
    closes = market.sort_values(["symbol", "date"])["close"].to_numpy(float)
    assert wide["close_twice"].to_numpy() == pytest.approx(2 * closes, rel=1e-6)
    counts = featured.query(
        "SELECT count(*) AS n, count(features -> 'close_twice') AS m FROM feature_store "
        "WHERE feature_set = 'technical'"
    )
    assert counts == [(3 * SESSIONS, 3 * SESSIONS)]
    before = hashes(featured.uri)
    run_stage(featured.uri, featured.settings, STAGE)
    assert hashes(featured.uri) == before


def test_a_set_without_a_change_stays_as_it_is(featured):
    marks = "SELECT feature_set, symbol, date, xmin::text FROM feature_values ORDER BY 1, 2, 3"
    before = featured.query(marks)
    run_stage(featured.uri, featured.settings, STAGE)
    run_stage(featured.uri, featured.settings, STAGE, start=HALF, end=LAST)
    assert featured.query(marks) == before
    assert featured.query("SELECT DISTINCT version FROM feature_sets") == [(1,)]
