"""Secrets that are easy to find are planted, everything goes wrong, and none of them is found anywhere afterwards."""

from __future__ import annotations

import base64
import datetime as dt
import logging
import traceback

import pytest
from psycopg.conninfo import conninfo_to_dict

from data_layer.settings import parse_settings
from data_layer.source_catalogue import live_sources
from data_layer.storage.database import transaction
from data_layer.storage.hashes import LOGS, stored_tables
from data_layer.storage.scratch import scratch_schema
from data_layer.vendor_settings import key_variables
from tests.support.canaries import forms, found
from tests.support.chain import STEPS, open_stage, query, take_step
from tests.support.vendor_market import sample_market
from tests.support.vendor_stub import Fault, serve

pytestmark = pytest.mark.faults
STAGE = "data_ingestion"
MODES = ("403", "redirect", "not_authorized", "html_200", "json_text", "truncated", "500", "reset")
NOW = dt.datetime(2005, 3, 31, 12, tzinfo=dt.UTC)
LINES = "symbol,name,sector,active_from,active_to,restricted\nAAPL,Apple,Tech,,,\nIBM,IBM,Tech,,,\n"


def test_the_search_finds_each_form():
    secret = "canary/1+2=key"
    for form in forms(secret):
        assert found(f"...{form}...", {"KEY": secret}) == ["KEY"]
    for user in ("", "a", "me", "you", "almanac"):  # as the header Authorization has it
        text = base64.b64encode(f"{user}:{secret}; more".encode()).decode()
        assert found(text, {"KEY": secret}) == ["KEY"]
    assert found("canary/1+2=ke", {"KEY": secret}) == []


@pytest.mark.parametrize("vendor", live_sources())
def test_no_secret_gets_out_when_everything_fails(vendor, database, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    listed = tmp_path / "universe.csv"
    listed.write_text(LINES)
    secrets = {name: f"canary/{i}+{name.lower()}=end" for i, name in enumerate(sorted(key_variables()))}
    usual = {"SOURCES": vendor, "UNIVERSE": str(listed), "START": "2005-03-01"}
    told: list[str] = []

    def attempt(call):
        try:
            told.append(repr(call()))  # what a task returns is what XCom keeps
        except Exception as error:
            told.append("".join(traceback.format_exception(error)))

    with serve(sample_market(end="2005-05-31"), page_size=1000) as stub:
        stub.market.until = dt.date(2005, 3, 30)
        settings = parse_settings(tmp_path, {**stub.settings(), **usual, **secrets})
        told.append(repr(settings))
        for mode in MODES:
            stub.fault = Fault(mode)
            stage = open_stage(database.writer, settings, STAGE, logical_date=NOW, now=NOW)
            for step in STEPS[STAGE]:
                attempt(lambda stage=stage, step=step: take_step(stage, step))
    secrets["password of quant_writer"] = str(conninfo_to_dict(database.writer)["password"])
    nowhere = database.writer.replace(f":{database.server.home.port('postgres')}/", ":1/")
    attempt(lambda: transaction(nowhere).__enter__())
    attempt(lambda: scratch_schema(nowhere, NOW.date()).__enter__())
    with transaction(database.reader) as connection:
        names = [*stored_tables(connection), *sorted(LOGS)]
    kept = [str(query(database.owner, f"SELECT * FROM {name} t")) for name in names]
    files = [path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    outside = capfd.readouterr()
    places = {
        "tracebacks and XCom": "\n".join(told), "log": caplog.text, "output": outside.out + outside.err,
        "tables": "\n".join(kept), "files": "\n".join(files),
    }  # fmt: skip
    assert {place: found(text, secrets) for place, text in places.items() if found(text, secrets)} == {}
    assert sum("Error" in text for text in told) >= len(MODES)  # things did go wrong
