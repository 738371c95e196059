"""The task in which orders for a real broker wait for a person; with the simulated broker there is none."""

from __future__ import annotations

import datetime as dt
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator, Context

from data_layer.settings import load_settings
from models.errors import BlockedError
from plugins.operators.base import database_uri, final_errors

MINUTES = 30


class OrderApprovalOperator(ApprovalOperator):
    """Plans the newest session's orders and waits for somebody's approval of just that batch.

    Nobody's answer is a no. Whatever the answer, the next task runs: it sends what was approved, and blocks the
    rest. Under `airflow dags test` no answer can ever arrive: it says so, and the orders are blocked.
    """

    def __init__(self, *, first_step: str, **kwargs: Any):
        approvers = load_settings().broker.approvers
        super().__init__(
            subject="Orders for the paper account at the broker",
            body="See the task's log for the orders.",
            defaults="Reject",
            response_timeout=dt.timedelta(minutes=MINUTES),
            assigned_users=[{"id": name, "name": name} for name in approvers] or None,
            **kwargs,
        )
        self.first_step = first_step

    def execute(self, context: Context) -> Any:
        """Plan, ask, and wait; without anything to ask, end at once."""
        from data_layer.storage.database import as_run, transaction
        from plugins.execution.approval import request_approval
        from plugins.stages.cash import current_account
        from plugins.stages.opening import open_context
        from plugins.stages.risk import RiskExecution
        from plugins.stages.tracing import bind
        from plugins.stages.whole import take_step

        uri = database_uri()
        with final_errors():
            run = open_context(uri, context, self.task_id, self.first_step)
            bind(run)
            stage = RiskExecution(run) if run.window and run.window.mode == "catch_up" else None
            if stage is None or stage.real is None:
                return run.say("nothing to approve")
            take_step(stage, "plan_orders")
            with transaction(uri) as connection:
                account = current_account(connection, run.settings)
            with as_run(run.request.run_id):
                asked = request_approval(uri, account, run.sessions[-1], run.request.run_id)
        if asked is None:
            return run.say("nothing to approve")
        approval, batch = asked
        if getattr(context["dag_run"], "triggering_user_name", None) == "dag_test":
            return run.say(
                "no approval can arrive under `dags test`: the orders will be blocked", approval=approval
            )
        self.subject = f"{batch.orders} orders, {batch.notional_usd:.2f} USD, after {batch.session}"
        self.body = "\n".join([f"Approval {approval}, batch {batch.batch_hash[:16]}.", "",
                               *(f"- {line}" for line in batch.lines)])  # fmt: skip
        context["ti"].xcom_push(key="approval", value=approval)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Write the answer down; the next task acts on it."""
        from plugins.execution.approval import decide_approval

        approval = context["ti"].xcom_pull(task_ids=self.task_id, key="approval")
        if "error" in event:
            chosen, who = self.REJECT, "nobody in time"
        else:
            chosen = (event.get("chosen_options") or [self.REJECT])[0]
            user = event.get("responded_by_user") or {}
            who = str(user.get("name") or user.get("id") or "nobody in time")
        try:
            decide_approval(database_uri(), approval, chosen == self.APPROVE, who)
        except BlockedError as error:  # decided in a shell before
            self.log.info("%s", error)
        return {"approval": approval, "answer": chosen, "by": who}


def approval_tasks(first_step: str) -> list[BaseOperator]:
    """Return the task that waits, nothing while BROKER is the simulated one."""
    if load_settings().broker.wanted == "simulated":
        return []
    return [OrderApprovalOperator(task_id="approve_orders", first_step=first_step)]
