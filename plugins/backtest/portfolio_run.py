"""strategy_assessment in its portfolio form: strategies over all symbols in one account each, as make backtest does.

There are no scenarios and no ranking: each strategy is a run of its own in backtest_runs, with the same tables and the
same key as the command's, so that the same question to the same bars and code is held once.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from data_layer.settings import Settings
from models.backtest.constraints import Constraints
from models.errors import BlockedError, ConfigError, RetryableError
from plugins.backtest.assessment import Contender
from plugins.backtest.assessment_run import Asked, contenders_from_models, listens, rules_for, shards
from plugins.backtest.market import Market
from plugins.backtest.request import Terms
from plugins.backtest.run import run_stored
from plugins.backtest.warm import warm_beside, warm_portfolio

log = logging.getLogger("almanac")


def prepare_portfolios(
    uri: str, settings: Settings, asked: Asked, limits: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Check what is asked for as far as it can be without bars; return what each shard is to run.

    Raises:
        ConfigError: for a cost or limit out of its range, an unknown word, or scenarios, which only the grid has.
    """
    if asked.scenarios:
        raise ConfigError("a portfolio runs from start to end, not through scenarios", stage="assessment",
                          key="scenarios", value=asked.scenarios, remedy="leave them empty, or form=grid")  # fmt: skip
    rules_for(settings, asked.costs)
    settled = {**asdict(asked), "limits": asdict(Constraints(**limits))}
    settled |= {key: settled[key] and settled[key].isoformat() for key in ("start", "end")}
    contenders = contenders_from_models(uri, asked.strategies)
    return [{"portfolio": settled, "names": names} for names in shards(contenders)]


def run_portfolios(uri: str, settings: Settings, settled: Mapping[str, Any], names: Sequence[str]) -> dict[str, int]:
    """Run and store one shard's strategies, the bars read once; one that cannot run takes no other with it.

    Raises:
        BlockedError: names those that could not run, once the others are stored.
        ConfigError: no bars of a symbol, or none from start to end.
    """
    warm_beside(warm_portfolio)
    terms = _terms(settings, settled)
    contenders = contenders_from_models(uri, names)
    market = terms.market(uri, voices=listens(contenders))
    errors: dict[str, str] = {}
    runs = 0
    for contender in contenders:
        if contender.same_as:
            log.info("[assessment] %s: %s", contender.name, contender.error)
            continue
        try:
            _run(uri, market, contender, terms)
            runs += 1
        except RetryableError:
            raise
        except Exception as error:
            log.exception("[assessment] %s could not run", contender.name)
            errors[contender.name] = f"{type(error).__name__}: {error}"
    if errors:
        raise BlockedError(f"{len(errors)} of {len(names)} strategies could not run, the others did",
                           stage="assessment", key="strategies", value=", ".join(errors),
                           remedy="; ".join(f"{k}: {v}" for k, v in errors.items())[:1000])  # fmt: skip
    return {"runs": runs}


def _terms(settings: Settings, settled: Mapping[str, Any]) -> Terms:
    start, end = (dt.date.fromisoformat(settled[k]) if settled[k] else None for k in ("start", "end"))
    return Terms(
        symbols=tuple(settled["symbols"]),
        start=start,
        end=end,
        form="portfolio",
        rules=rules_for(settings, settled["costs"]),
        constraints=Constraints(**settled["limits"]),
        benchmark=settings.benchmark,
    )


def _run(uri: str, market: Market, contender: Contender, terms: Terms) -> None:
    if contender.strategy is None:
        raise ConfigError(contender.error, stage="assessment", key="strategy", value=contender.name,
                          remedy="mend its file or its row in models")  # fmt: skip
    run_stored(uri, market, contender.strategy, terms)
