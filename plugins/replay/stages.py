"""The stages of the daily chain as a replay takes them: the same steps, over other tables, with nothing registered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from psycopg import sql

from data_layer.storage.database import Connection, load_sql, take_lock, transaction
from data_layer.storage.scratch import Scratch
from plugins.execution.opening import find_opened
from plugins.stages import predictions
from plugins.stages.account import write_pass
from plugins.stages.cash import account_of
from plugins.stages.context import Context
from plugins.stages.features import Features
from plugins.stages.pace import steady
from plugins.stages.pass_rows import rows_of
from plugins.stages.risk import RiskExecution
from plugins.stages.signals import Signals
from plugins.stages.trading_day import STEPS
from plugins.stages.trading_state import Pass, State


class ReplayedFeatures(Features):
    """feature_engineering: the sets that are stored, for the window alone."""

    def _is_new(self, connection: Connection, feature_set: str, version: int) -> bool:
        return False  # that a schema begins empty does not make a set new


class ReplayedSignals(Signals):
    """model_execution: the models that ran, with what they ran with, whether or not they are active now."""

    def run(self, models: Iterable[Mapping[str, Any]]) -> None:
        """Score the window with each model, those that read the others' predictions last, and publish.

        Raises:
            DataQualityError: when the artifact of a model is missing or not the one registered.
        """
        for model in sorted(models, key=lambda model: predictions.reads_predictions(dict(model))):
            self._execute(model)
        with transaction(self.context.uri) as connection:
            take_lock(connection, self.context.stage)
            self._publish(connection)
            predictions.publish_predictions(connection, self.context, self._run_key)


class ReplayedRisk(RiskExecution):
    """risk_execution: from the account as it stood before the window, one session after the other."""

    def __init__(self, context: Context, scratch: Scratch):
        super().__init__(context)
        self.scratch = scratch

    def run(self) -> None:
        """Take all steps of the window's sessions, and write what they lead to."""
        with steady(), transaction(self.context.uri) as connection:
            take_lock(connection, self.context.stage)
            rules = self._rules(connection, self.context.sessions)
            decided = [s for s in self.context.sessions if not self._before_opening(connection, rules[s], s)]
            for account, part in groupby(decided, key=lambda s: account_of(rules[s])):
                sessions = list(part)
                with transaction(self.scratch.recorded) as before:
                    state = self._opening(before, account, sessions[0])
                self._keep_orders(account, state)
                result = Pass(account)
                for day in self._days(connection, sessions, rules):
                    for step in STEPS:
                        step(state, day, result)
                write_pass(connection, rows_of(result), sessions, "replay", self.context.stage)

    def _before_opening(self, connection: Connection, rules: Mapping[str, Any], session: Any) -> bool:
        """Tell whether the session lies before a real broker's account was taken over, and decided nothing."""
        opened = find_opened(connection, rules["broker"]) if rules.get("broker") else None
        return bool(opened and session <= opened.session)

    def _keep_orders(self, account: str, state: State) -> None:
        """Put the orders of before that the window goes on with where its fills and exits look for them."""
        out: Sequence[str] = [
            *(o.client_order_id for o in state.orders),
            *(o.client_order_id for orders in state.resting.values() for o in orders),
            *(e.entry_order for e in state.exits.values()),
        ]
        wanted = {"account": account, "names": out}
        rows = sql.SQL("public.orders t WHERE t.account_id = %(account)s AND t.client_order_id = ANY(%(names)s)")
        self.scratch.copy("orders", rows, wanted)


def models_that_ran(connection: Connection, context: Context) -> list[Mapping[str, Any]]:
    """Return the rows of models with a run at a session of the window, as recorded."""
    span = {"first": context.sessions[0], "last": context.sessions[-1]}
    return list(connection.execute(load_sql("models/select_that_ran"), span))
