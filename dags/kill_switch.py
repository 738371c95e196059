"""Latch the kill switch, arm it again, or prove that it holds.

**Waits for:** nothing: once a month it drills by itself with a live source; trigger it in Airflow with `action`
latch or rearm, and a `reason`, to stop all ordering or to go on.
**Writes:** `kill_switch`, `kill_switch_events`, `orders` (what is out is cancelled, at the broker too; exits rest on),
`audit_events`. The drill takes place on an account that is rolled back: it leaves its audit event only.
**Rerun:** safe: what is latched stays latched, a drill of the same day is one event.
**If it fails:** a rearm fails while the books do not reconcile: `make verify` names the check. A drill that
fails means that the switch does not hold: pause risk_execution until it does.
From a shell: `make kill REASON="..."`, `make rearm REASON="..."`.
"""

from plugins.dag_defaults import switch_dag
from plugins.operators.kill_switch import KillSwitchOperator

with switch_dag("kill_switch", __doc__):
    KillSwitchOperator(
        task_id="operate_kill_switch", action="{{ params.action }}", reason="{{ params.reason or '' }}"
    )
