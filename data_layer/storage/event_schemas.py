"""The shapes of events: include/events/<type>.v<version>.avsc, Avro, one file per version, never changed once released.

A payload that changes gets a file with the next version; its new fields have defaults, so that who reads with today's
schema reads what each earlier version wrote. Values that have no fixed shape (`logicalType` json) are JSON texts.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import fastavro
from fastavro.read import LOGICAL_READERS
from fastavro.schema import fingerprint, to_parsing_canonical_form
from fastavro.validation import ValidationError
from fastavro.write import LOGICAL_WRITERS

from data_layer.settings import ROOT
from data_layer.storage.copy_encoder import json_text
from models.errors import DataQualityError

FOLDER = ROOT / "include" / "events"
# Types that an event's values are stored as without a look at the value: dates and Decimals as texts, see json_text.
PLAIN = {str: str, dt.date: str, Decimal: str, int: int, bool: bool, float: float, type(None): type(None)}
MOST = 2**31 - 1  # whole numbers up to this fit every Avro type of whole numbers
SINGLE_OBJECT = b"\xc3\x01"  # Avro 1.11, "single object encoding": marker, the schema's fingerprint, the body
LOGICAL_WRITERS["string-json"] = lambda value, _schema: json.dumps(value, sort_keys=True)
LOGICAL_READERS["string-json"] = lambda text, _writer, _reader: json.loads(text)


@cache
def versions(folder: Path = FOLDER) -> Mapping[str, Mapping[int, Any]]:
    """Return the parsed schemas by event type and version."""
    found: dict[str, dict[int, Any]] = defaultdict(dict)
    for path in sorted(folder.glob("*.avsc")):
        event_type, _, version = path.stem.rpartition(".v")
        found[event_type][int(version)] = fastavro.parse_schema(json.loads(path.read_text()))
    return found


def newest(event_type: str) -> int:
    """Return the version that events of a type are written with.

    Raises:
        DataQualityError: for a type without a schema.
    """
    known = versions()
    if event_type not in known:
        raise DataQualityError("an event without a schema", stage="audit", key="event_type", value=event_type,
                               remedy=f"add {FOLDER.name}/{event_type}.v1.avsc")  # fmt: skip
    return max(known[event_type])


_accepted: set[tuple[object, ...]] = set()  # shapes of events that encode has taken


def check(event: Mapping[str, Any]) -> None:
    """Raise for an event that its schema refuses, as encode does.

    A pass writes many thousands of events of few shapes. Avro looks at nothing but types and ranges: of a shape that
    was taken once, with the same fields of the same types and numbers that fit any of them, every event is.
    """
    shape = _shape(event)
    if shape is None or shape not in _accepted:
        encode(json.loads(json_text(event)))  # as it will be stored
        if shape is not None:
            _accepted.add(shape)


def _shape(event: Mapping[str, Any]) -> tuple[object, ...] | None:
    """Return an event's fields with their types; None when more than these decides whether its schema takes it."""
    own = {**event}
    payload = own.pop("payload")
    if type(payload) is not dict:
        return None
    values = (*own.values(), *payload.values())
    kinds = tuple(PLAIN.get(type(value)) for value in values)
    if None in kinds or any(type(value) is int and not -MOST <= value <= MOST for value in values):
        return None
    return event["event_type"], event["schema_version"], *own, "payload", *payload, *kinds


def encode(event: Mapping[str, Any]) -> bytes:
    """Return an event's Avro body by the schema of its type and version.

    Args:
        event: the columns of audit_events; payload of JSON's types. run_id, ts and is_synthetic may be missing.

    Raises:
        DataQualityError: when anything in it is missing, unknown or of another type; names the field.
    """
    schema = versions()[event["event_type"]][event["schema_version"]]
    record = {**event, "event_id": str(event["event_id"])}
    if not isinstance(record["session_date"], dt.date):
        record["session_date"] = dt.date.fromisoformat(record["session_date"])
    body = io.BytesIO()
    try:
        fastavro.validate(
            record, schema, raise_errors=True
        )  # strict on types, as the writer is not: it cuts 1.5 to 1
        # Missing fields that have a default are allowed, unknown ones are not.
        fastavro.schemaless_writer(body, schema, record, strict_allow_default=True)
    except (ValidationError, ValueError, TypeError) as error:
        name = f"{event['event_type']}.v{event['schema_version']}"
        raise DataQualityError(
            f"an event that its schema {name} refuses: {error}",
            stage="audit",
            key="event",
            value=event["idempotency_key"],
            remedy="mend what writes it, or add a version of the schema",
        ) from error
    return body.getvalue()


def decode(event_type: str, written: int, body: bytes, read: int | None = None) -> dict[str, Any]:
    """Return an event from its Avro body.

    Args:
        event_type: its type.
        written: version it was written with.
        body: as encode gives it.
        read: version to read it as; default: the newest.
    """
    known = versions()[event_type]
    found = fastavro.schemaless_reader(io.BytesIO(body), known[written], known[read or newest(event_type)])
    return found  # type: ignore[return-value]  # a record is a dict


def single_object(event: Mapping[str, Any]) -> bytes:
    """Return an event as a message that names its schema by the fingerprint, as Avro readers expect."""
    return SINGLE_OBJECT + _fingerprint(event["event_type"], event["schema_version"]) + encode(event)


@cache
def _fingerprint(event_type: str, version: int) -> bytes:
    schema = versions()[event_type][version]
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
