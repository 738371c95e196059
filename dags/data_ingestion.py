"""Fetch the bars of every session due, apply corporate actions, judge the data, update the universe.

**Waits for:** 07:00 New York on weekdays when the source is live; otherwise for a trigger.
**Writes:** `ingestion_batches`, `market_data`, `market_data_history`, `session_vwaps`, `quarantine`,
`corporate_actions`, `quality_findings`, `data_quality_results`, `trading_universe`; asset `market_data`.
**Rerun:** always safe. Without params it catches up; with `start` and `end` it fetches those sessions again
and stores what the source has corrected since as new versions.
**If it fails:** a vendor that has nothing yet, or asks to wait, is asked again for an hour. The message names
the session, the symbol and the remedy. `validate_data_quality` fails when more
bars are missing or in quarantine, or the newest ones older, than `include/quality.toml` allows: correct the
source and trigger again, decide on the rows with `make quarantine`, or accept the session with `make accept`.
Below the thresholds it warns; odd but possible bars are flagged in `quality_findings`. Nothing downstream sees
a session before it is complete.
"""

from airflow.sdk import chain

from plugins.assets import MARKET_DATA
from plugins.dag_defaults import ingestion_limits, ingestion_schedule, stage_dag
from plugins.operators.stage_step import StageStepOperator

FIRST = "fetch_market_data"
LIMITS = ingestion_limits()

with stage_dag("data_ingestion", __doc__, ingestion_schedule()):
    chain(
        StageStepOperator(task_id=FIRST, first_step=FIRST, **LIMITS),
        StageStepOperator(task_id="apply_corporate_actions", first_step=FIRST, **LIMITS),
        StageStepOperator(task_id="validate_data_quality", first_step=FIRST, **LIMITS),
        StageStepOperator(
            task_id="update_trading_universe", first_step=FIRST, outlets=[MARKET_DATA], **LIMITS
        ),
    )
