"""Labels: stored for the trainer alone, read by training and by nobody else, of members of the universe."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from adbc_driver_manager import ProgrammingError

from models.errors import DataQualityError
from plugins.backtest.market import market_from_database
from plugins.ml.labels import label_version, labels_of, members, read_labels, renamed, write_labels
from tests.plugins.ml.conftest import FAMILY
from tests.support.prepared import change

DAY = dt.date


@pytest.fixture
def market(workshop):
    return market_from_database(workshop.database.trainer, end=DAY(2005, 9, 30))


def run_of(workshop):
    return workshop.rows("SELECT * FROM training_runs")[0]


def test_training_learns_what_is_stored_and_refuses_what_is_not_its_own(workshop):
    change(workshop.database, "UPDATE training_labels SET label = label + 1e-12 WHERE symbol = 'MSFT' "
           "AND session_date = '2005-06-01'")  # fmt: skip
    with pytest.raises(DataQualityError, match="stored labels are not those the run began with"):
        workshop.training().run_walk_forward(run_of(workshop)["id"])
    other = workshop.training()
    other.uri = workshop.database.writer
    with pytest.raises(ProgrammingError, match="permission denied for table training_labels"):
        other.run_walk_forward(run_of(workshop)["id"])


def test_what_is_read_is_what_was_computed_bit_for_bit(workshop, market):
    uri, first = workshop.database.trainer, 200
    for price, horizon in (("open", 1), ("close", 3)):
        label = labels_of(market, price, horizon)
        there, written = write_labels(uri, market, label, price, horizon, first)
        assert there == np.sum(~np.isnan(label[market.row_session >= first])) and (written > 0) == (horizon == 3)
        read = read_labels(uri, market, price, horizon, first)
        assert label_version(market, read, first) == label_version(market, label, first)
        assert np.isnan(read[market.row_session < first]).all()
        assert write_labels(uri, market, label, price, horizon, first)[1] == 0


def test_a_label_whose_bar_is_gone_goes_and_others_stay(workshop, market):
    uri, label = workshop.database.trainer, labels_of(market, "open", 1).copy()
    write_labels(uri, market, label, "open", 1, 0)
    count = "SELECT count(*) AS n FROM training_labels WHERE price = 'open' AND horizon = 1"
    (before,) = workshop.rows(count)
    label[np.flatnonzero(~np.isnan(label))[-3:]] = np.nan
    assert write_labels(uri, market, label, "open", 1, 0)[1] == 0
    assert workshop.rows(count)[0]["n"] == before["n"] - 3
    alone = market_from_database(uri, ["AAPL"], end=DAY(2005, 6, 1))
    write_labels(uri, alone, np.full(len(alone.row_session), np.nan), "open", 1, 0)
    gone = workshop.rows(f"{count} AND symbol = 'AAPL' AND label_end <= '2005-06-01'")
    kept = workshop.rows(f"{count} AND (symbol <> 'AAPL' OR label_end > '2005-06-01')")
    assert gone[0]["n"] == 0 and kept[0]["n"] > 400


def test_only_members_are_learnt_from_as_known_at_the_cutoff(workshop, market):
    uri, everyone = workshop.database.trainer, np.ones(len(market.row_session), bool)
    assert (members(uri, market) == everyone).all()
    change(workshop.database, "UPDATE trading_universe SET active_to = '2005-06-01' WHERE symbol = 'MSFT'")
    assert (members(uri, market) == everyone).all()  # stated after the cutoff
    later = market_from_database(uri, end=DAY(2005, 9, 30))
    assert later.known_at > market.known_at
    left = members(uri, later)
    days = later.sessions[later.row_session]
    msft = later.row_symbol == later.symbols.index("MSFT")
    assert (left == (~msft | (days <= np.datetime64("2005-06-01")))).all()
    workshop.train("run 2", END="2005-09-30")
    told = workshop.rows("SELECT max(session_date) AS d FROM training_labels WHERE symbol = 'MSFT'")
    assert str(told[0]["d"]) == "2005-06-01"
    (fold, *_) = workshop.rows(
        "SELECT n, sessions FROM walk_forward_results f JOIN training_runs r ON r.id = f.training_run_id "
        "WHERE run_key = 'run 2' ORDER BY fold DESC LIMIT 1"
    )
    assert fold["n"] == 2 * fold["sessions"]
    first, second = workshop.rows("SELECT * FROM model_versions WHERE family = %(f)s ORDER BY id", f=FAMILY)
    assert first["artifact_sha256"] != second["artifact_sha256"]


def test_a_version_of_its_run_s_labels_is_made_again_after_new_bars_are_known(workshop):
    """A second try keeps to the cutoff of the first, so what came to be known between them changes nothing."""
    from plugins.ml.asked import read_asked
    from tests.plugins.ml.conftest import SMALL

    before = run_of(workshop)
    change(workshop.database, "UPDATE trading_universe SET active_to = '2005-06-01' WHERE symbol = 'MSFT'")
    again = workshop.training().build_dataset(read_asked({**SMALL, "END": "2005-09-30"}, "run 1", "tester"))
    assert again == before["id"] and run_of(workshop)["label_version"] == before["label_version"]
    assert workshop.training().run_walk_forward(again) == 3


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([("FB", 1, 9), ("META", 10, 20)], [("META", 1, 9), ("META", 10, 20)]),
        ([("META", 1, 5), ("META", 10, 20)], [("META", 10, 20)]),  # another share's, that left the ticker before
        ([("FB", 1, 20)], [("META", 1, 9), ("FB", 10, 20)]),  # who takes the old ticker over is another share
        ([("IBM", 1, 20)], [("IBM", 1, 20)]),
    ],
)
def test_membership_follows_a_share_under_its_new_ticker(spans, expected):
    def days(rows):
        return [(s, DAY(2021, 1, b), DAY(2021, 1, e)) for s, b, e in rows]

    assert renamed(days(spans), (("FB", "META", DAY(2021, 1, 10)),)) == days(expected)


@pytest.mark.parametrize("chain", [("A", "B", "C"), ("A", "B", "A")])
def test_membership_follows_renames_of_one_day_at_once(chain):
    day = DAY(2021, 1, 10)
    changes = tuple((old, new, day) for old, new in pairwise(chain))
    spans = [(ticker, DAY(2021, 1, 1), DAY(2021, 1, begins)) for ticker, begins in (("A", 4), ("B", 5))]
    assert renamed(spans, changes) == [(new, *span[1:]) for new, span in zip(chain[1:], spans, strict=True)]
