"""The events' schemas: the same frame for all, released ones for good, and today's reads what earlier ones wrote."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_layer.storage import audit
from data_layer.storage.database import transaction
from data_layer.storage.event_schemas import (
    FOLDER,
    SINGLE_OBJECT,
    check,
    decode,
    encode,
    newest,
    single_object,
    versions,
)
from data_layer.storage.kill_switch import latch
from models.errors import DataQualityError
from plugins.stages.context import EVENT_TYPES
from tests.support.chain import query

FILES = sorted(FOLDER.glob("*.avsc"))
CONTRACT = (
    "event_id", "correlation_id", "idempotency_key", "event_type", "session_date", "symbol", "ts", "schema_version",
    "source", "run_id", "is_synthetic", "payload",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    max_leaves=5,
)
PRIMITIVES = {
    "null": st.none(), "boolean": st.booleans(), "string": st.text(), "long": st.integers(-(2**63), 2**63 - 1),
    "int": st.integers(-(2**31), 2**31 - 1), "double": st.floats(allow_nan=False),
    "string-json": JSON, "int-date": st.dates(),
    "long-timestamp-micros": st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC)),
}  # fmt: skip


def data_of(schema):
    """Values a schema allows."""
    if isinstance(schema, list):
        return st.one_of(map(data_of, schema))
    if not isinstance(schema, dict):
        return PRIMITIVES[schema]
    if schema["type"] == "record":
        return st.fixed_dictionaries({f["name"]: data_of(f["type"]) for f in schema["fields"]})
    if schema["type"] == "array":
        return st.lists(data_of(schema["items"]), max_size=3)
    return PRIMITIVES["-".join(filter(None, (schema["type"], schema.get("logicalType"))))]


def read_as(older, newer, datum):
    body = io.BytesIO()
    fastavro.schemaless_writer(body, older, datum, strict=True)
    return fastavro.schemaless_reader(io.BytesIO(body.getvalue()), older, newer)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_schema_has_the_fields_of_all_events_and_says_what_each_is(path):
    schema, first = json.loads(path.read_text()), json.loads(FILES[0].read_text())
    event_type, _, version = path.stem.rpartition(".v")
    assert schema["name"] == event_type.replace(".", "_")
    assert 1 <= int(version) <= newest(event_type)
    assert tuple(f["name"] for f in schema["fields"]) == CONTRACT
    assert schema["fields"][:-1] == first["fields"][:-1]
    payload = schema["fields"][-1]["type"]["fields"]
    assert all(f["doc"] for f in (schema, *schema["fields"], *payload))
    # What may be missing says so with a default, or nobody could ever leave it out again.
    assert all("default" in f for f in payload if isinstance(f["type"], list))


def test_released_schemas_do_not_change():
    """Mend a schema by adding its next version, and that one's hash here."""
    released = json.loads((FOLDER / "released.json").read_text())
    found = {
        p.stem: hashlib.sha256(json.dumps(json.loads(p.read_text()), sort_keys=True).encode()).hexdigest()
        for p in FILES
    }
    assert found == released


def test_every_stage_has_a_schema():
    assert set(EVENT_TYPES.values()) <= set(versions())
    with pytest.raises(DataQualityError, match=r"without a schema.*market\.unheard"):
        newest("market.unheard")


@pytest.mark.parametrize("event_type", sorted(versions()))
@settings(max_examples=8, deadline=None)
@given(st.data())
def test_todays_schema_reads_what_each_version_wrote(event_type, data):
    known = versions()[event_type]
    today = known[newest(event_type)]
    for older in known.values():
        datum = data.draw(data_of(older))
        read = read_as(older, today, datum)
        kept = {f["name"] for f in today["fields"][-1]["type"]["fields"]} & set(datum["payload"])
        assert {name: read["payload"][name] for name in kept} == {
            name: datum["payload"][name] for name in kept
        }
        assert {k: v for k, v in read.items() if k != "payload"} == {
            k: v for k, v in datum.items() if k != "payload"
        }


@pytest.mark.parametrize(
    ("change", "is_readable"),
    [
        ([{"name": "rows", "type": "long"}, {"name": "late", "type": "long", "default": 0}], True),
        ([{"name": "rows", "type": "double"}], True),
        ([], True),
        ([{"name": "rows", "type": "long"}, {"name": "late", "type": "long"}], False),
        ([{"name": "rows", "type": "string"}], False),
        ([{"name": "number", "type": "long"}], False),
    ],
)
def test_the_test_above_goes_red_for_a_version_that_cannot_be_read(change, is_readable):
    def of(fields):
        return fastavro.parse_schema({"type": "record", "name": "payload", "fields": fields})

    older, newer = of([{"name": "rows", "type": "long"}]), of(change)
    if is_readable:
        assert read_as(older, newer, {"rows": 3}).get("rows", 3) == 3
    else:
        with pytest.raises(fastavro.read.SchemaResolutionError):
            read_as(older, newer, {"rows": 3})


EVENT = {
    "event_id": "e", "correlation_id": "c", "idempotency_key": "decision/paper/2012-01-03/AAPL", "symbol": "AAPL",
    "event_type": "risk.approved", "session_date": "2012-01-03", "source": "risk_execution", "schema_version": 1,
    "payload": {"decision": "approved", "requested": 10, "approved": 10, "reason": ""},
}  # fmt: skip


@pytest.mark.parametrize(
    "field", ["source", "correlation_id", "idempotency_key", "event_type", "session_date", "payload"]
)
def test_an_event_without_a_field_of_the_contract_is_refused(field):
    with pytest.raises((DataQualityError, KeyError)):
        encode({name: value for name, value in EVENT.items() if name != field})


@pytest.mark.parametrize(
    "payload",
    [
        {"requested": 1.5}, {"requested": True}, {"requested": "1"}, {"requested": 2**63}, {"reason": None},
        {"reason": 1}, {"unheard": 1}, {"approved": [1]}, {"approved": {}},
    ],
)  # fmt: skip
def test_a_payload_of_another_shape_is_refused_and_named(payload):
    with pytest.raises(DataQualityError, match=rf"risk\.approved\.v1(?s:.*){next(iter(payload))}"):
        encode({**EVENT, "payload": {**EVENT["payload"], **payload}})


def test_a_message_names_its_schema_by_fingerprint():
    message = single_object(EVENT)
    schema = versions()["risk.approved"][1]
    by_hand = fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO")
    assert message[:2] == SINGLE_OBJECT
    assert message[2:10].hex() == by_hand
    assert decode("risk.approved", 1, message[10:])["payload"] == EVENT["payload"]


def test_what_the_database_itself_writes_fits_too(database):
    accept = (
        "INSERT INTO session_exceptions (session_date, symbol, reason) VALUES ('2005-06-01', 'IBM', 'halted')"
    )
    query(database.writer, accept + " RETURNING 1")
    with transaction(database.owner) as connection:
        account = connection.execute(
            "INSERT INTO accounts (id, initial_cash_usd, broker) VALUES ('a', 1, 'simulated') RETURNING id"
        ).fetchone()["id"]
        latch(connection, account, "no trust in it")
        connection.execute("UPDATE kill_switch SET engaged = false WHERE account_id = %s", [account])
    rows = query(database.reader, "SELECT * FROM audit_events ORDER BY event_type")
    assert [row["event_type"] for row in rows] == ["quality.accepted", "risk.latched", "risk.rearmed"]
    for row in rows:
        encode(row)


def test_what_is_stored_reads_back_as_it_was_written(small_chain):
    rows = query(
        small_chain.reader,
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY event_type ORDER BY session_date DESC) AS n "
        "FROM audit_events) e WHERE n <= 20",
    )
    assert {row["event_type"] for row in rows} >= set(EVENT_TYPES.values()) | {"risk.approved"}
    for row in rows:
        del row["n"]
        back = decode(row["event_type"], row["schema_version"], encode(row))
        assert {k: v for k, v in back["payload"].items() if v is not None} == row["payload"]
        del back["payload"]
        assert back == {k: str(v) if k == "event_id" else v for k, v in row.items() if k != "payload"}


def test_an_event_of_a_known_shape_passes_and_one_of_another_is_looked_at():
    def rejected(**changed):
        payload = {"decision": "rejected", "requested": 5, "approved": 0, "reason": "no"} | changed
        payload = {name: value for name, value in payload.items() if value is not ...}
        return audit.event("decision/x", "risk.rejected", dt.date(2024, 1, 2), "risk_execution", payload, symbol="X")

    check(rejected())
    check(rejected(reason="another", requested=-7))
    check(rejected(requested=2**40))
    wrong = ({"requested": 5.5}, {"requested": True}, {"requested": None}, {"requested": "5"}, {"requested": 2**63},
             {"reason": dt.timedelta(1)}, {"reason": 1}, {"reason": ...}, {"more": 1}, {"reason": ["no"]})  # fmt: skip
    for changed in wrong:
        for _ in range(2):  # what was refused once is not known the second time
            with pytest.raises((DataQualityError, TypeError)):
                check(rejected(**changed))
    with pytest.raises(DataQualityError):
        check({**rejected(), "payload": [1]})
    with pytest.raises(DataQualityError):
        check({**rejected(), "source": None})
    with pytest.raises(DataQualityError):
        check({name: value for name, value in rejected().items() if name != "source"})
