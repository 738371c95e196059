"""What is told reaches a mail and a web server, says what to do and holds no secret; nothing of it can fail a run."""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib
import json
import logging
from types import SimpleNamespace

import psycopg
import pytest
import structlog

from data_layer.storage.alerts import close_alert, open_alert
from data_layer.storage.database import transaction
from tests.support.planted import plant
from tests.support.sinks import mail_sink, web_sink

HUSH, KEY = "123456:AAHush", "AAHush-vendor"
ERROR = f"[risk_execution] limit_price=<b>{{{{ 7 * 7 }}}}</b> key {KEY}: trigger it again"
CONTEXT = {"dag": SimpleNamespace(dag_id="risk_execution"), "run_id": "scheduled__1", "reason": "task_failure",
           "ti": SimpleNamespace(task_id="check_risk")}  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def airflow(tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow_home")))
        importlib.import_module("airflow.sdk")


@pytest.fixture
def sinks(monkeypatch, tmp_path, database, caplog):
    """All three channels set, over a database."""
    with web_sink() as web, mail_sink() as mail:
        here = f"http://127.0.0.1:{web.port}"
        smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": mail.port,
                "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "almanac@example.com"}}  # fmt: skip
        for name, value in {
            "ALMANAC_HOME": str(tmp_path), "AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(smtp), "SOURCE": "sample",
            "AIRFLOW_CONN_QUANT_READER": database.reader.replace("postgresql://", "postgres://", 1),
            "AIRFLOW_CONN_QUANT_DATA": database.writer.replace("postgresql://", "postgres://", 1),
            "NOTIFY_EMAIL": "ops@example.com", "NOTIFY_WEBHOOK": f"{here}/services/{HUSH}",
            "NOTIFY_TELEGRAM": f"{here}/bot{HUSH}/sendMessage?chat_id=-42", "POLYGON_API_KEY": KEY,
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        caplog.set_level(logging.DEBUG)
        yield SimpleNamespace(web=web, mail=mail)
    assert "AAHush" not in caplog.text


def mailed(sink) -> str:
    return sink.came[-1][1].get_payload()[0].get_payload(decode=True).decode()


def fail(database) -> None:
    plant(
        database.owner,
        ("stage_runs", {"stage": "risk_execution", "session_date": "2026-11-19", "status": "completed",
                        "known_at": "2026-11-19 22:00Z", "finished_at": "2026-11-19 22:10Z"}),
        ("stage_runs", {"stage": "risk_execution", "session_date": "2026-11-20", "status": "failed",
                        "detail": json.dumps({"error": ERROR})}),
    )  # fmt: skip


def test_a_failed_run_is_told_everywhere(sinks, database):
    from plugins.notify.telling import tell_failure

    fail(database)
    tell_failure(CONTEXT)
    (slack, said), (telegram, told) = sinks.web.came
    assert slack == f"/services/{HUSH}" and telegram == f"/bot{HUSH}/sendMessage"
    assert set(said) == {"text"} and told["chat_id"] == "-42" and told["text"] == said["text"]
    to, mail = sinks.mail.came[0]
    assert to == "ops@example.com" and mail["Subject"] == "Almanac: risk_execution failed"
    for text in (said["text"], mailed(sinks.mail)):
        assert "task check_risk, session 2026-11-20, run scheduled__1" in text
        assert "Since: the last session completed was 2026-11-19, at 2026-11-19 22:10 UTC" in text
        assert "What happened: [risk_execution] limit_price=" in text and "What to do:" in text
        assert "{{ 7 * 7 }}" in text and "49" not in text
        assert "AAHush" not in text
    assert "<b>" in said["text"] and "<b>" not in mailed(sinks.mail)


@pytest.mark.parametrize("status", [404, 500, 302])
def test_what_cannot_be_delivered_is_logged_and_stops_nothing(sinks, database, status, caplog):
    from plugins.notify.telling import tell_failure

    sinks.web.status = status
    tell_failure(CONTEXT)
    assert len(sinks.web.came) == 2  # no redirection is followed
    assert len(sinks.mail.came) == 1
    assert caplog.text.count(f"could not be delivered: HTTP {status}") == 2


def test_nobody_there_is_logged_and_stops_nothing(sinks, database, monkeypatch, caplog):
    from plugins.notify.telling import tell_alerts, tell_failure

    monkeypatch.setenv("NOTIFY_WEBHOOK", f"http://127.0.0.1:1/{HUSH}")
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", '{"conn_type": "smtp", "host": "127.0.0.1", "port": 1}')
    tell_failure(CONTEXT)
    assert "by webhook could not be delivered: ConnectionRefusedError" in caplog.text
    assert "by e-mail could not be delivered" in caplog.text
    assert len(sinks.web.came) == 1  # Telegram
    monkeypatch.setenv("AIRFLOW_CONN_QUANT_READER", "postgres://nobody:x@127.0.0.1:1/none")
    monkeypatch.setenv("AIRFLOW_CONN_QUANT_DATA", "postgres://nobody:x@127.0.0.1:1/none")
    tell_failure(CONTEXT)
    tell_alerts(CONTEXT)


def test_an_alert_is_told_once_when_it_opens_and_once_when_it_closes(sinks, database):
    from plugins.notify.telling import tell_alerts

    def texts():
        return [body["text"] for path, body in sinks.web.came if path.startswith("/services")]

    with transaction(database.writer) as connection:
        open_alert(connection, "kill_switch", "paper", "latched, nothing is ordered; make rearm", severity="critical")
        open_alert(connection, "feature_drift", "tft version 2", "rsi beyond the threshold: train anew")
        open_alert(connection, "stale_data", "IBM", "no bar for 5 sessions")
        close_alert(connection, "stale_data", "IBM")  # came and went untold
    for _ in range(2):
        tell_alerts({})
    assert len(texts()) == 1
    assert texts()[0].startswith("Almanac: 2 alerts opened, 0 closed\n\nOPEN critical: kill_switch\nWhat happened: l")
    assert "To what: tft version 2" in texts()[0] and "Since: 20" in texts()[0]
    with transaction(database.writer) as connection:
        close_alert(connection, "kill_switch", "paper")
    for _ in range(2):
        tell_alerts({})
    assert len(texts()) == 2
    assert "Almanac: 0 alerts opened, 1 closed\n\nCLOSED critical: kill_switch" in texts()[1]
    assert "What to do: nothing, it is over" in texts()[1]


def test_an_alert_that_nobody_took_is_told_again(sinks, database, monkeypatch):
    from plugins.notify.telling import tell_alerts

    monkeypatch.setenv("NOTIFY_EMAIL", "")
    sinks.web.status = 500
    with transaction(database.writer) as connection:
        open_alert(connection, "training_failed", "tft", "no rows")
    tell_alerts({})
    with psycopg.connect(database.owner) as connection:
        assert connection.execute("SELECT count(*) FROM alert_notifications").fetchone() == (0,)
    sinks.web.status = 200
    tell_alerts({})
    assert len(sinks.web.came) == 4


def test_a_message_does_not_outgrow_what_is_taken(sinks, database):
    from plugins.notify.telling import tell_alerts

    with transaction(database.writer) as connection:
        for number in range(30):
            open_alert(connection, "model_drawdown", f"model_{number}", "x" * 4000)
    tell_alerts({})
    assert all(len(body["text"]) <= 3500 for _, body in sinks.web.came)
    assert "and 10 more" in mailed(sinks.mail)


def test_dags_tell_when_somebody_is_to_be_told(monkeypatch, tmp_path):
    from plugins import dag_defaults
    from plugins.dag_defaults import stage_dag
    from plugins.notify.telling import tell_alerts, tell_failure

    monkeypatch.setenv("ALMANAC_HOME", str(tmp_path))
    monkeypatch.setenv("SOURCE", "sample")
    assert stage_dag("risk_execution", "", None).on_failure_callback is None
    monkeypatch.setenv("NOTIFY_EMAIL", "ops@example.com")
    dag = stage_dag("risk_execution", "", None)
    others = [getattr(dag_defaults, f)(f, "") for f in dir(dag_defaults) if f.endswith("_dag") and f[0] != "_"
              and f != "stage_dag"]  # fmt: skip
    assert len(others) >= 7
    for one in (dag, *others):
        told = one.on_failure_callback, one.on_success_callback
        assert told == ([tell_failure, tell_alerts], tell_alerts), one.dag_id
    assert not dag.deadline  # finished history has no time of day
    monkeypatch.setenv("SOURCE", "yfinance")
    monkeypatch.setenv("SESSION_DEADLINE", "08:45")
    (alert,) = stage_dag("risk_execution", "", None).deadline
    assert alert.reference.at == "08:45"


def test_airflow_calls_it_when_a_run_fails(sinks, database):
    from airflow.callbacks.callback_requests import DagCallbackRequest
    from airflow.dag_processing.processor import _execute_dag_callbacks

    from plugins.dag_defaults import stage_dag

    fail(database)
    dag = stage_dag("risk_execution", "", None)
    request = DagCallbackRequest(filepath="x.py", bundle_name="x", bundle_version=None, dag_id=dag.dag_id,
                                 run_id="manual__1", is_failure_callback=True, msg="task_failure")  # fmt: skip
    _execute_dag_callbacks(SimpleNamespace(dags={dag.dag_id: dag}), request, structlog.get_logger())
    assert "session 2026-11-20, run manual__1" in sinks.web.came[0][1]["text"]


def test_the_scheduler_reckons_the_deadline_as_it_was_stated(monkeypatch):
    from airflow import plugins_manager
    from airflow.serialization.decoders import decode_deadline_alert
    from airflow.serialization.encoders import encode_deadline_alert

    from plugins.notify import deadline
    from plugins.trading_plugin import TradingPlugin

    held = {f"{deadline.__name__}.SessionDeadline": c for c in TradingPlugin().deadline_references}
    monkeypatch.setattr(plugins_manager, "get_deadline_references_plugins", lambda: held)
    encoded = json.dumps(encode_deadline_alert(deadline.session_deadline(dt.time(8, 45))))
    kept = decode_deadline_alert(json.loads(encoded))
    monkeypatch.setattr(deadline, "dt", SimpleNamespace(**{**vars(dt), "datetime": SimpleNamespace(
        now=lambda _zone: dt.datetime(2026, 11, 20, 12, 0, 1, tzinfo=dt.UTC))}))  # fmt: skip
    due = kept.reference.evaluate_with(session=None, interval=kept.interval, dag_id="x", run_id="y")
    assert due == dt.datetime(2026, 11, 20, 13, 45, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("instant", "due"),
    [
        ("2026-11-20T12:00Z", "2026-11-20T14:15Z"), ("2026-11-20T14:15Z", "2026-11-21T14:15Z"),
        ("2026-03-07T20:00Z", "2026-03-08T13:15Z"), ("2026-10-31T20:00Z", "2026-11-01T14:15Z"),  # clocks change
    ],
)  # fmt: skip
def test_a_deadline_is_the_next_time_of_day(instant, due):
    from plugins.notify.deadline import first_after

    assert first_after(dt.datetime.fromisoformat(instant), dt.time(9, 15)) == dt.datetime.fromisoformat(due)


def test_a_missed_deadline_is_told_from_the_triggerer(sinks):
    from plugins.notify.telling import tell_deadline

    run = {"dag_id": "model_execution", "dag_run_id": "asset__1", "queued_at": "2026-11-20T12:05:00Z"}
    asyncio.run(tell_deadline("09:15 New York", {"dag_run": run}))
    assert len(sinks.web.came) == 2 and len(sinks.mail.came) == 1
    text = sinks.web.came[0][1]["text"]
    assert "the run of model_execution had not ended by 09:15 New York" in text
    assert "run asset__1" in text and "Since: 2026-11-20T12:05:00Z" in text
    assert "make logs STAGE=model_execution" in text
