import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ensemble import Ballots, EnsembleRules, Member, blend
from models.exits import Vote
from models.regime import SLOW, regime_of

RULES = EnsembleRules(
    members=(
        Member("ema_cross_alpha", 0.2), Member("macd_alpha", 0.1), Member("rsi_alpha", 0.2), Member("tft", 0.5, True),
    ),
    direction_band=0.15, score_share=0.7, factors={"bull": 1.0, "sideways": 0.5, "bear": 0.7}, publish_threshold=0.55,
)  # fmt: skip
ALPHAS = ["ema_cross_alpha", "macd_alpha", "rsi_alpha"]


def vote(model, score, confidence=None):
    return Vote(score, confidence=abs(score) if confidence is None else confidence, model=model)


def decided(votes, ran=(*ALPHAS, "tft"), regime="bull", rules=RULES):
    return blend(Ballots.of_votes({"A": votes}), ran, rules, regime)


def test_the_vote_by_hand_with_all_members():
    votes = [vote("ema_cross_alpha", 1.0), vote("macd_alpha", -1.0), vote("tft", 0.8, 0.6)]
    found = decided(votes)
    total = 0.2 + 0.1 + 0.2 + 0.5 * 0.6
    score = (0.2 - 0.1 + 0.0 + 0.3 * 0.8) / total
    assert found.score[0] == pytest.approx(score)
    assert found.leading == ("tft",)
    assert found.confidence[0] == pytest.approx(0.7 * score + 0.3 * 0.6)
    assert (found.side[0], bool(found.published[0]), found.missing) == (1, False, ())
    assert [(m["model"], m["stated"]) for m in found.members[0]] == [
        ("ema_cross_alpha", True), ("macd_alpha", True), ("rsi_alpha", False), ("tft", True),
    ]  # fmt: skip
    assert sum(m["weight"] for m in found.members[0]) == pytest.approx(1.0)
    assert sum(m["contribution"] for m in found.members[0]) == pytest.approx(score)


def test_a_member_that_did_not_run_is_recorded_and_the_others_normalised():
    found = decided([vote("ema_cross_alpha", 1.0), vote("rsi_alpha", -1.0)], ran=ALPHAS)
    assert found.missing == ("tft",)
    assert [m["weight"] for m in found.members[0]] == pytest.approx([0.4, 0.2, 0.4])
    assert (found.score[0], found.side[0]) == (0.0, 0)
    alone = decided([vote("ema_cross_alpha", 0.5)], ran=["ema_cross_alpha"])
    assert (alone.score[0], alone.missing) == (0.5, ("macd_alpha", "rsi_alpha", "tft"))


def test_a_model_without_a_row_has_no_vote():
    votes = [vote("buy_and_hold", 1.0), vote("macd_alpha", 1.0)]
    found = decided(votes, ran=["buy_and_hold", *ALPHAS])
    assert found.score[0] == pytest.approx(0.2)
    nobody = decided([vote("buy_and_hold", 1.0)], ran=["buy_and_hold"])
    assert (nobody.symbols, nobody.wanted()) == ((), {})


@pytest.mark.parametrize(
    ("regime", "confidence", "published"),
    [("bull", 0.72, True), ("sideways", 0.36, False), ("bear", 0.504, False), ("", 0.0, False)],
)
def test_confidence_by_regime_and_what_is_published(regime, confidence, published):
    found = decided([vote("ema_cross_alpha", -1.0), vote("macd_alpha", -1.0)], ran=ALPHAS, regime=regime)
    assert found.confidence[0] == pytest.approx(confidence)
    assert found.wanted() == ({"A": pytest.approx(-0.6)} if published else {})


def test_within_the_band_is_flat_however_sure():
    sure = EnsembleRules((Member("m", 1.0),), 0.15, 0.0, {"bull": 1.0}, 0.5)
    for score, side in ((0.15, 0), (0.151, 1), (-0.15, 0), (-0.151, -1)):
        found = decided([vote("m", score, 1.0)], ran=["m"], rules=sure)
        assert (found.side[0], bool(found.published[0])) == (side, side != 0)


def test_votes_and_arrays_are_the_same():
    votes = {
        "A": [Vote(0.5, 0.1, None, 2.0, 0.4, "a"), Vote(-1.0, confidence=0.2, model="b")],
        "B": [Vote(1.0, model="b")],
    }
    ballots = Ballots.of_votes(votes)
    assert dict(ballots) == votes


VOTE = st.one_of(st.none(), st.tuples(st.floats(-1, 1), st.floats(0, 1)))


@given(st.lists(VOTE, min_size=4, max_size=4), st.sets(st.integers(0, 3)), st.sampled_from(["bull", "bear", ""]))
def test_whatever_is_voted_the_blend_is_in_range_and_explained(votes, ran, regime):
    names = [m.model for m in RULES.members]
    cast = [vote(names[i], *v) for i, v in enumerate(votes) if v is not None and i in ran]
    found = decided(cast, ran=[names[i] for i in ran], regime=regime)
    assert set(found.missing) == set(names) - {names[i] for i in ran}
    for n in range(len(found.symbols)):
        parts = found.members[n]
        assert math.fsum(m["contribution"] for m in parts) == pytest.approx(found.score[n], abs=1e-12)
        assert -1 <= found.score[n] <= 1
        assert 0 <= found.confidence[n] <= 1
        assert not found.published[n] or (abs(found.score[n]) > 0.15 and found.confidence[n] >= 0.55)


def test_regimes_by_their_two_averages():
    assert regime_of(np.full(SLOW - 2, 0.01)) == ""
    assert regime_of(np.full(SLOW - 1, 0.01)) == "bull"
    assert regime_of(np.full(SLOW - 1, -0.01)) == "bear"
    risen_then_fallen = np.r_[np.full(40, 0.01), np.full(9, -0.04)]
    assert regime_of(risen_then_fallen) == "sideways"
    assert regime_of(np.r_[np.full(400, -0.05), np.full(SLOW - 1, 0.01)]) == "bull"  # older sessions do not count
