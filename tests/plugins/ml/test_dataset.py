"""Datasets of real bars: features as stored, labels as traded, later bars unseen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.errors import ConfigError, DataQualityError
from models.ml.alpha158 import FEATURES
from models.ml.leakage import future_in_features
from models.ml.walk_forward import folds
from models.panel import Panel
from plugins.backtest.market import market_from_database
from plugins.ml.dataset import dataset, dataset_for, rebuilder
from plugins.ml.labels import labels_of
from tests.support.chain import query
from tests.support.models import trainer


@pytest.fixture(scope="module")
def market(small_chain):
    return market_from_database(small_chain.reader)


@pytest.fixture(scope="module")
def data(market):
    return dataset_for(market, trainer())


def test_features_are_the_stored_ones_bit_for_bit(small_chain, data):
    stored = query(
        small_chain.reader,
        f"SELECT symbol, date, {', '.join(FEATURES)} FROM features_alpha158 ORDER BY date, symbol",
    )
    assert len(stored) == len(data)
    values = np.array([[r[name] for name in FEATURES] for r in stored], dtype=np.float32)
    same = values.view(np.int32) == data.features.view(np.int32)
    assert (same | (np.isnan(values) & np.isnan(data.features))).all()
    assert [r["symbol"] for r in stored] == [data.symbols[i] for i in data.symbol]
    assert [np.datetime64(r["date"]) for r in stored] == list(data.sessions[data.session])
    assert (~np.isnan(data.features).any(axis=1)).mean() > 0.8


def test_the_label_is_what_two_opens_give_with_splits_and_dividends(small_chain, market, data):
    """AAPL split 2 for 1 on 2005-02-28; MSFT paid 3.08 on 2004-11-15: from raw opens, by hand."""
    prices = query(
        small_chain.reader,
        "SELECT symbol, date, open::float8 AS open, close::float8 AS close FROM market_data",
    )
    bars = {(r["symbol"], np.datetime64(r["date"])): r for r in prices}
    paid = query(
        small_chain.reader,
        "SELECT sum(value)::float8 AS paid FROM corporate_actions "
        "WHERE symbol = 'MSFT' AND ex_date = '2004-11-15' AND action_type = 'dividend'",
    )[0]["paid"]
    assert paid > 3
    close = bars["MSFT", np.datetime64("2004-11-12")]["close"]
    reinvested = close / (close - paid)
    found = {(data.symbols[s], t): v for s, t, v in zip(data.symbol, data.session, data.label, strict=True)}
    cases = (("AAPL", "2005-02-28", 2.0), ("MSFT", "2004-11-15", reinvested), ("GOOG", "2005-06-01", 1.0))
    for symbol, day, shares in cases:
        end = int(np.searchsorted(data.sessions, np.datetime64(day)))
        first, second = (bars[symbol, data.sessions[at]]["open"] for at in (end - 1, end))
        assert found[symbol, end - 2] == pytest.approx(second * shares / first - 1, rel=1e-12)


def test_labels_that_end_beyond_what_is_known_are_missing(small_chain, market, data):
    assert np.isnan(data.label[data.session >= len(data.sessions) - 2]).all()
    assert not np.isnan(data.label[data.session < len(data.sessions) - 2]).any()
    day = data.sessions[300].item()
    then = dataset_for(market_from_database(small_chain.reader, end=day), trainer())
    assert np.isnan(then.label[then.session >= 299]).all() and len(then.sessions) == 301
    early = then.session < 299
    rows = data.session < 299
    assert then.label[early].tobytes() == data.label[rows].tobytes()
    assert then.features[early].tobytes() == data.features[rows].tobytes()


def test_a_missing_bar_leaves_no_label_that_spans_it(market):
    row = int(market.offsets[2]) + 100  # MSFT
    gone = np.arange(len(market.frame)) != row
    holey = replace(
        market, frame=market.frame[gone].reset_index(drop=True), row_session=market.row_session[gone],
        offsets=market.offsets - np.array([0, 0, 0, 1]),
    )  # fmt: skip
    found = dataset_for(holey, trainer())
    label = {t: v for t, v, s in zip(found.session, found.label, found.symbol, strict=True) if s == 2}
    assert np.isnan([label[98], label[99]]).all() and 100 not in label
    assert not np.isnan([label[97], label[101]]).any()


def test_qlibs_label_and_longer_horizons_by_parameter(market, data):
    close = dataset_for(market, trainer(price="close"))
    total = (market.frame["close"] * market.frame["return_factor"]).to_numpy()[: market.offsets[1]]
    mine = close.label[close.symbol == 0]
    np.testing.assert_allclose(mine[:-2], total[2:] / total[1:-1] - 1, rtol=1e-12)
    week = dataset_for(market, trainer(horizon=5))
    assert (week.reach, week.horizon, close.price) == (6, 5, "close")
    opens = (market.frame["open"] * market.frame["return_factor"]).to_numpy()[: market.offsets[1]]
    np.testing.assert_allclose(week.label[week.symbol == 0][:-6], opens[6:] / opens[1:-5] - 1, rtol=1e-12)


def test_a_later_first_session_changes_no_row(market, data):
    part = dataset_for(market, trainer(), first=250)
    rows = data.session >= 250
    assert part.features.tobytes() == data.features[rows].tobytes()
    assert part.ranked.tobytes() == data.ranked[rows].tobytes()
    assert np.array_equal(part.symbol, data.symbol[rows]) and np.array_equal(part.sessions, data.sessions)


def test_no_stored_formula_sees_a_later_bar_and_a_planted_one_is_caught(market, data, monkeypatch):
    first = folds(market.sessions, 2, train_months=6, count=3)[0].train_first
    part, rebuild = dataset_for(market, trainer(), first), rebuilder(market, trainer(), first)
    assert future_in_features(part, rebuild, [400, 450]) == []

    def leads(matrix, columns, rows, threads=None):
        real(matrix, columns, rows, threads)
        matrix[20, :-1] = matrix[0, 1:]  # tomorrow's kmid

    import plugins.ml.dataset as module

    real = module.fill
    monkeypatch.setattr(module, "fill", leads)
    (found,) = future_in_features(dataset_for(market, trainer(), first), rebuild, [400])
    assert found.check == "future_in_feature" and found.detail.startswith(FEATURES[20])
    with pytest.raises(DataQualityError, match="no row to check"):
        future_in_features(part, rebuild, [first - 1])


def test_an_unknown_feature_is_refused(market):
    with pytest.raises(ConfigError, match="unknown alpha158 feature"):
        dataset(market, ("kmid", "rsi_14"), "alpha158", labels_of(market, "open", 1))


def test_the_panel_the_daily_run_reads_gives_the_same_predictions(small_chain, data):
    """Stored float4 features, by the path of the daily run, against the training dataset's own rows."""
    from models.strategies.ml.alpha158_lightgbm import Alpha158Lightgbm
    from plugins.stages.scoring import read_panel

    artifact = trainer(min_rows=5).fit(data, data.rows_between(0, 400), 7)
    strategy = Alpha158Lightgbm(top=1).with_artifact(artifact)
    panel: Panel = read_panel(small_chain.reader, strategy, data.sessions[-1].item())
    daily = strategy.predict(panel).score[panel.sessions.searchsorted(data.sessions)][
        data.session, data.symbol
    ]
    batch = trainer().predict(artifact, data, np.arange(len(data))).score
    known = ~np.isnan(batch)
    assert known.mean() > 0.8 and np.array_equal(known, ~np.isnan(daily))
    assert daily[known].tobytes() == batch[known].tobytes()
