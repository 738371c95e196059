"""Decide past sessions again from what was known then, and compare with what was decided.

**Waits for:** a trigger in Airflow, with a form: `date` (empty: the run's own) and, for several sessions, `to`.
**Writes:** nothing that lasts. Everything is decided into a schema of its own, by a role that can write to no real
table; the schema is taken away at the end, and what a killed run left of one by the next run.
**Rerun:** always safe.
**If it fails:** something was decided otherwise than it would be now. The log names the first row that differs (table,
key, column, stored and replayed value) and which input is not as recorded: a bar, an action, a parameter, a limit, a
model's file, the code. A bar that was restated since is no failure: the log has what would be decided today beside
what was. From a shell: `make replay DATE=2012-06-01`.
"""

from plugins.dag_defaults import replay_dag
from plugins.operators.replay import ReplayOperator

with replay_dag("replay", __doc__):
    ReplayOperator(
        task_id="replay_sessions", first="{{ params.date or ds }}", last="{{ params.to or params.date or ds }}"
    )
