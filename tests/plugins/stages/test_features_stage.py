"""feature_engineering: stored values are a full recompute, as of what was known, in every version."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from data_layer.features import registry
from data_layer.features.compute import compute
from data_layer.features.registry import catalogue
from data_layer.storage.database import read_frame, transaction
from models.errors import DataQualityError
from plugins.stages.context import CHAIN
from plugins.stages.knowledge import bars_as_of
from tests.support.bars import change, files_settings, without
from tests.support.chain import query, run_chain, run_stage
from tests.support.features import bits, stored
from tests.support.files_home import DAY, HALF, LAST, D, open_home

STAGE = "feature_engineering"
# What needs nothing but prices and volumes; others also wait for a dividend, an index or a price that moves.
ALWAYS_KNOWN = {
    *("sma_10", "sma_20", "sma_50", "sma_200", "ema_12", "ema_26", "rsi_14", "atr_14", "volume_ratio_20"),
    *("return_1", "return_5", "return_20", "volatility_20"),
}
FAR = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize("feature_set", registry.feature_sets())
def test_stored_values_are_a_full_recompute_bit_for_bit(small_chain, feature_set):
    rows = stored(small_chain.reader, feature_set=feature_set, until="2005-12-30")
    full = compute(bars_as_of(small_chain.reader, D("2005-12-30"), FAR), feature_set=feature_set)
    assert rows["symbol"].to_list() == full["symbol"].to_list()
    assert (rows["date"].to_numpy() == full["date"].to_numpy()).all()
    assert (bits(rows["values"]) == bits(full.iloc[:, 2:].to_numpy())).all()


def test_runs_of_one_session_each_store_the_same_bits(featured, home):
    for day in ("2005-02-28", "2005-03-01", "2005-03-02"):
        home.ingest(end=day)
        run_stage(home.uri, home.settings, STAGE)
    one_by_one, at_once = stored(home.uri), stored(featured.uri, until="2005-03-02")
    assert (bits(one_by_one["values"]) == bits(at_once["values"])).all()
    assert one_by_one[["symbol", "date"]].equals(at_once[["symbol", "date"]])


def test_warm_up_is_null_and_never_filled(small_chain):
    names = [d.name for d in catalogue()]
    wide = read_frame(small_chain.reader, "SELECT * FROM features_technical ORDER BY symbol, date")
    assert list(wide.columns) == ["symbol", "date", *names, "is_synthetic"]
    assert set(names) >= ALWAYS_KNOWN
    for _, rows in wide.groupby("symbol"):
        for definition in catalogue():
            missing = rows[definition.name].isna().to_numpy()
            assert missing[: definition.warm_up].all(), definition.name
            if definition.name in ALWAYS_KNOWN:
                assert not missing[definition.warm_up :].any(), definition.name
    objects = query(
        small_chain.reader,
        "SELECT date::text, features FROM feature_store "
        "WHERE symbol = 'AAPL' AND feature_set = 'technical' ORDER BY date LIMIT 30",
    )
    assert set(objects[0]["features"]) == set(names) and objects[0]["features"]["sma_20"] is None
    assert objects[29]["features"]["sma_20"] is not None and objects[29]["features"]["sma_50"] is None
    nulls = (
        "SELECT count(sma_50) = 0 AND count(sma_20) = 11 AS ok FROM features_technical "
        "WHERE symbol = 'AAPL' AND date <= %(day)s"
    )
    assert query(small_chain.reader, nulls, {"day": objects[29]["date"]})[0]["ok"]


def test_both_views_tell_the_same(small_chain):
    names = [d.name for d in catalogue()]
    pairs = ", ".join(f"t.{n} AS {n}, (s.features ->> '{n}')::real AS {n}_too" for n in names)
    rows = read_frame(
        small_chain.reader,
        f"SELECT {pairs} FROM feature_store s JOIN features_technical t USING (symbol, date) "
        "WHERE s.feature_set = 'technical' AND date BETWEEN '2005-02-20' AND '2005-03-10'",
    )
    assert len(rows) == 3 * 13  # sessions from Washington's birthday to the tenth of March
    for name in names:
        assert rows[name].equals(rows[f"{name}_too"].rename(name)), name


def test_bars_after_a_date_move_nothing_at_or_before_it(copy_database, tmp_path, market):
    """The perturbation test, through the stages: two homes whose bars differ after DAY only."""
    later = market["date"] > D(DAY)
    changed = market.astype({"volume": float})
    for column, factor in (("open", 3), ("high", 3), ("low", 3), ("close", 3), ("volume", 7)):
        changed.loc[later, column] *= factor
    changed.loc[later & (market["symbol"] == "IBM") & (market["date"] == D("2005-03-14")), "split_ratio"] = (
        5.0
    )
    changed.loc[later & (market["symbol"] == "MSFT"), "dividend"] = 0.01
    homes = []
    for name, rows in (("one", market), ("two", changed)):
        folder = tmp_path / name
        folder.mkdir()
        homes.append(open_home(copy_database("quant_data"), folder, rows))
        run_chain(homes[-1].uri, homes[-1].settings)
    one, two = (stored(home.uri, until=DAY) for home in homes)
    assert len(one) == 3 * 47 and one[["symbol", "date"]].equals(two[["symbol", "date"]])
    assert (bits(one["values"]) == bits(two["values"])).all()
    signals = (
        "SELECT m.model_name, s.symbol, s.session_date, s.side, s.score, s.confidence, s.expected_return, "
        "s.position_size, s.stop_loss FROM signals s JOIN models m ON m.id = s.model_id "
        "WHERE session_date {} %(day)s ORDER BY 1, 2, 3"
    )
    before = [home.query(signals.format("<="), day=DAY) for home in homes]
    assert before[0] == before[1] and before[0]
    # The change was one that counts.
    after = [home.query(signals.format(">"), day=DAY) for home in homes]
    assert after[0] != after[1]


def test_a_correction_is_seen_by_new_sessions_and_by_old_ones_only_when_restated(home, market):
    home.ingest(end="2005-03-30")
    run_stage(home.uri, home.settings, STAGE)
    before = stored(home.uri)
    home.ingest(change(market, "AAPL", DAY, close=40.0), start=DAY)
    # Computed again as of their own cutoffs, the old sessions are what they were.
    run_stage(home.uri, home.settings, STAGE, start="2005-03-01", end="2005-03-30")
    assert (bits(stored(home.uri)["values"]) == bits(before["values"])).all()
    run_stage(home.uri, home.settings, STAGE, start=DAY, end="2005-03-30", restate=True)
    restated = stored(home.uri)
    moved = (bits(restated["values"]) != bits(before["values"])).any(axis=1)
    touched = (restated["symbol"] == "AAPL") & (restated["date"] >= pd.Timestamp(DAY))
    assert (moved == touched.to_numpy()).all()
    home.ingest()
    run_stage(home.uri, home.settings, STAGE)
    last = stored(home.uri).set_index(["symbol", "date"])["values"]["AAPL", pd.Timestamp(LAST)]
    sma_20 = [d.name for d in catalogue()].index("sma_20")
    closes = market[(market["symbol"] == "AAPL") & (market["date"] <= D(LAST))].set_index("date")["close"][
        -20:
    ]
    assert last[sma_20] != pytest.approx(closes.mean(), rel=1e-6)
    closes[D(DAY)] = 40.0
    assert last[sma_20] == pytest.approx(closes.mean(), rel=1e-6)
    # Now that a newer cutoff knows better, each session is still computed as of its own.
    run_stage(home.uri, home.settings, STAGE, start="2005-03-01", end=LAST)
    run_stage(home.uri, home.settings, STAGE, start=DAY)


def test_the_sessions_of_one_run_see_each_what_was_known(copy_database, half_done, tmp_path, market):
    """A correction in the middle of a catch-up: grouping the sessions into runs changes no bit."""
    homes = []
    for name in ("at_once", "in_pieces"):
        folder = tmp_path / name
        folder.mkdir()
        home = open_home(copy_database(half_done.name), folder, market)
        homes.append(home)
        for rows, params in (
            (market, {"end": "2005-03-16"}),
            (change(market, "AAPL", DAY, close=40.0), {"start": DAY}),
            (None, {}),
        ):
            home.ingest(rows, **params)
            if name == "in_pieces":
                run_stage(home.uri, home.settings, STAGE)
        run_stage(home.uri, home.settings, STAGE)
    one, two = (stored(home.uri) for home in homes)
    assert (bits(one["values"]) == bits(two["values"])).all()


def test_a_bar_that_came_late_has_no_features_and_stops_nothing(home, market):
    home.ingest(without(market, DAY, "IBM"))
    home.ingest(market, start=DAY)
    run_stage(home.uri, home.settings, STAGE)
    rows = "SELECT DISTINCT symbol FROM feature_values WHERE date = %(day)s ORDER BY 1"
    assert home.query(rows, day=DAY) == [("AAPL",), ("MSFT",)]
    run_stage(home.uri, home.settings, STAGE, start=DAY, end=LAST)


def test_a_session_accepted_without_bars_is_complete(home, market):
    home.accept(DAY)
    home.ingest(without(market, DAY))
    for stage in CHAIN[1:]:
        run_stage(home.uri, home.settings, stage)
    done = (
        "SELECT stage, rows_written FROM stage_runs WHERE session_date = %(day)s AND status = 'completed' "
        "AND model = ''"
    )
    assert {stage for stage, _ in home.query(done, day=DAY)} == set(CHAIN)
    assert (STAGE, 0) in home.query(done, day=DAY)


@pytest.mark.parametrize("loss", ["DELETE FROM feature_values", "UPDATE feature_values SET symbol = 'OTHER'"])
def test_bars_without_features_stop_the_stage(done_home, loss):
    """As many features as bars, of another symbol, are not enough."""

    def lose_one(step):
        if step == "prepare_model_features":
            with transaction(done_home.owner) as connection:
                connection.execute(f"{loss} WHERE symbol = 'IBM' AND date = '2005-03-10'")

    with pytest.raises(DataQualityError, match=r"1 bars have no \w+ features.*session='2005-03-10'"):
        run_stage(done_home.uri, done_home.settings, STAGE, before=lose_one)
    done = "SELECT max(session_date) FROM stage_runs WHERE stage = %(stage)s AND status = 'completed'"
    assert done_home.query(done, stage=STAGE) == [(D(HALF),)]


def test_a_piece_of_the_real_bars(shared_market, copy_database, tmp_path):
    database = copy_database("quant_data")
    values = {"symbols": "AAPL KSU MSFT XOM KO", "start": "2000-01-01", "end": "2001-12-31"}
    settings = files_settings(tmp_path, shared_market, **values)
    for stage in ("data_ingestion", STAGE):
        run_stage(database.writer, settings, stage)
    done = query(
        database.reader, "SELECT stage, count(*) AS n FROM stage_runs WHERE status = 'completed' GROUP BY 1"
    )
    assert {row["stage"]: row["n"] for row in done} == {"data_ingestion": 500, STAGE: 500}
    # A spin-off that the vendor wrote down as a dividend of twice the price.
    bad = query(database.reader, "SELECT symbol, session_date::text AS day, reason FROM quarantine")
    assert [tuple(b.values()) for b in bad] == [
        ("KSU", "2000-07-13", "the dividend is not below the close before")
    ]
