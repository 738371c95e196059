"""The steps of one session that decide: blend the votes, aim at holdings, check every change."""

from __future__ import annotations

from dataclasses import replace

from data_layer.sessions import previous_session
from models.ensemble import Ballots, EnsembleRules, blend
from models.portfolio import build_targets
from models.portfolio_weights import PortfolioRules
from models.records import TargetPosition
from models.regime import SLOW, regime_of
from models.risk.base import RiskContext
from models.risk.check import build_limits, check_risk
from plugins.stages.exits import kept_flat, watch
from plugins.stages.trading_state import Day, Pass, State, Watched


def blend_votes(state: State, day: Day, result: Pass) -> None:
    """Weigh the models' votes on each symbol, with what the market's regime makes of their confidence."""
    votes = day.votes if isinstance(day.votes, Ballots) else Ballots.of_votes(day.votes)
    regime = regime_of(day.lookback.index_returns(day.index, SLOW)) if day.lookback else ""
    rules = EnsembleRules.from_json(day.rules["ensemble"])
    state.blend = blend(votes, day.rules["models"], rules, regime)
    result.blends.append((day.session, state.blend))


def targets(state: State, day: Day, result: Pass) -> None:
    """Move the trailing stops at the close, then turn the published signals into wanted holdings."""
    marked = state.value(day)
    watch(state, day)
    rules = PortfolioRules(**day.rules["portfolio"])
    # What an exit has ended is not entered again on the same side, and what was held too long neither.
    flat = kept_flat(state, day) | _held_too_long(state, day, rules)
    monthly = rules.rebalance == "monthly"
    plan = build_targets(
        day.session,
        state.blend.wanted(),
        rules,
        closes=day.closes,
        next_splits=day.next_splits,
        positions={p.symbol: p.quantity for p in marked.positions},
        equity_usd=marked.equity_usd,
        lookback=day.lookback,
        sectors=day.sectors,
        restricted=day.restricted,
        flat=flat,
        rebalances=not monthly or previous_session(day.session).month != day.session.month,
    )
    result.targets += [_closed_first(t) for t in plan.targets] if day.rules.get("broker") else plan.targets
    result.skipped += plan.skipped


def decide(state: State, day: Day, result: Pass) -> None:
    """Follow the account's fall, which may latch its kill switch, then check every wanted change."""
    marked = state.value(day)
    equity, limits = float(marked.equity_usd), day.rules["limits"]
    state.watch = state.watch.follow(
        equity,
        _paid_in(day, result),
        max_drawdown=limits["max_drawdown"],
        max_session_loss=limits["max_session_loss"],
        rearm_sessions=day.rules["rearm_sessions"],
        last_rearm=day.rules["last_rearm"],
    )
    switch = day.rules["kill_switch"] or (state.watch.reason if state.watch.cause else "")
    result.watched.append(Watched(day.session, state.watch, switch, dict(state.held)))
    wanted = [t for t in result.targets_of(day.session) if t.target_quantity != t.current_quantity]
    if not wanted:
        return
    splits = {s: float(r) for s, r in day.next_splits.items()}
    context = RiskContext(
        equity_usd=equity,
        holdings_usd={p.symbol: float(p.market_value_usd) for p in marked.positions if p.quantity},
        kill_switch=switch,
        sectors=day.sectors,
        confidences=state.blend.confidences(),
        lookback=day.lookback,
        next_splits=splits,
        session_loss=state.watch.session_loss,
        drawdown=state.watch.drawdown,
        # The close is the newest price known when it is decided.
        quotes={t.symbol: float(day.closes[t.symbol]) / splits.get(t.symbol, 1.0) for t in wanted},
        least_usd=day.rules["portfolio"]["min_change"] * max(equity, 0.0),
    )
    result.decisions += check_risk(wanted, build_limits(limits, day.rules["overrides"]), context)


def _closed_first(target: TargetPosition) -> TargetPosition:
    """Return flat instead of a target through zero: a real broker turns no holding in one order."""
    if target.current_quantity * target.target_quantity >= 0:
        return target
    return replace(target, target_weight=0.0, target_quantity=0, residual_usd=0.0,
                   reason="closed first: the other side is opened from flat")  # fmt: skip


def _held_too_long(state: State, day: Day, rules: PortfolioRules) -> dict[str, str]:
    """Count the closes at which each holding has been held; return those due to end, and why."""
    held: dict[str, tuple[int, int]] = {}
    flat: dict[str, str] = {}
    most = rules.max_holding_sessions
    for position in state.book.positions.values():
        if not position.quantity:
            continue
        side = 1 if position.quantity > 0 else -1
        before, count = state.held.get(position.symbol, (side, 0))
        held[position.symbol] = side, count + 1 if before == side else 1
        if most is not None and held[position.symbol][1] >= most and position.symbol in day.closes:
            state.ended[position.symbol] = side
            flat[position.symbol] = f"held for {held[position.symbol][1]} sessions, the most is {most}"
    state.held = held
    return flat


def _paid_in(day: Day, result: Pass) -> float:
    """Return what was paid in before the session's open, negative for paid out."""
    total = 0.0
    for entry in reversed(result.ledger):
        if entry.session_date != day.session:
            break
        if entry.ledger_account == "capital":
            total -= float(entry.amount_usd)
    return total
