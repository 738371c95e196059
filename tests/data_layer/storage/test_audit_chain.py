"""The chain of audit events: what was done to one of them afterwards is found and named."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from psycopg import errors

from data_layer.runtime.verify_audit import breaks, check_head, head
from data_layer.storage.audit import event, write_events
from data_layer.storage.database import as_run, transaction
from models.errors import ConfigError, DataQualityError
from tests.support.chain import query

DAY = dt.date(2012, 1, 3)


def fact(number):
    payload = {"side": "buy", "quantity": number + 1, "price": "1.5"}
    return event(f"fill/{number}", "execution.completed", DAY, "risk_execution", payload, symbol="AAPL")


def fill(database):
    """Three runs, one of them in two transactions with another in between."""
    for run, numbers in (
        ("one", range(4)),
        ("two", range(4, 7)),
        ("one", range(7, 10)),
        ("three", range(10, 12)),
    ):
        with as_run(run), transaction(database.writer) as connection:
            write_events(connection, map(fact, numbers))
    return database


@pytest.fixture
def trail(database):
    return fill(database)


@pytest.fixture(scope="module")
def shared(copy_database):
    return fill(copy_database("quant_data"))


@pytest.fixture
def tampered(shared):
    """Returns a function that tampers as the owner of everything can, and says what is found; rolled back after."""

    def tamper(*statements):
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            assert connection.execute(statement).rowcount
        return breaks(connection)

    with transaction(shared.owner) as connection:
        yield tamper
        connection.rollback()


def found(database):
    with transaction(database.reader) as connection:
        return breaks(connection)


def test_an_untouched_chain_is_whole(trail):
    assert found(trail) == []
    links = query(trail.reader, "SELECT run_id, run_position FROM audit_chain ORDER BY position")
    placed = (
        [("one", n) for n in range(1, 5)]
        + [("two", n) for n in range(1, 4)]
        + [("one", n) for n in range(5, 8)]
    )
    assert [tuple(row.values()) for row in links] == [*placed, ("three", 1), ("three", 2)]
    assert query(trail.reader, "SELECT FROM audit_pending") == []


@pytest.mark.parametrize("column", [
    "correlation_id = 'x'", "idempotency_key = 'fill/x'", "event_type = 'execution.blocked'",
    "session_date = session_date + 1", "symbol = NULL", "ts = ts + interval '1 microsecond'",
    "schema_version = 2", "source = 'x'", "is_synthetic = true", "run_id = 'two'",
    "payload = jsonb_set(payload, '{quantity}', '9')",
])  # fmt: skip
def test_a_changed_event_is_named(tampered, column):
    (said,) = tampered(f"UPDATE audit_events SET {column} WHERE idempotency_key = 'fill/2'")
    assert said.startswith("changed: event fill/") and "position 3" in said


def test_a_changed_event_with_a_link_to_match_is_named_by_the_link(tampered):
    said = tampered(
        "UPDATE audit_events SET payload = '{}' WHERE idempotency_key = 'fill/2'",
        "UPDATE audit_chain c SET event_hash = h.event_hash FROM audit_event_hashes h "
        "WHERE h.event_id = c.event_id AND c.position = 3",
    )
    assert said == ["link changed or moved: event fill/2 of run one, position 3"]


@pytest.mark.parametrize("number", [0, 2, 6, 11])
def test_a_removed_event_is_named(tampered, number):
    (said,) = tampered(f"DELETE FROM audit_events WHERE idempotency_key = 'fill/{number}'")
    assert (
        said.startswith(f"removed: event {fact(number)['event_id']} of run")
        and f"position {number + 1}" in said
    )


@pytest.mark.parametrize("number", [0, 2, 6])
def test_an_event_removed_with_its_link_leaves_a_gap(tampered, number):
    said = tampered(
        f"DELETE FROM audit_events WHERE idempotency_key = 'fill/{number}'",
        f"DELETE FROM audit_chain WHERE position = {number + 1}",
    )
    assert any(line.startswith(f"link missing before: event fill/{number + 1} of run") for line in said)


def test_an_inserted_event_is_named(tampered):
    said = tampered(
        "INSERT INTO audit_events "
        "(event_id, correlation_id, idempotency_key, event_type, session_date, source, payload)"
        " SELECT gen_random_uuid(), 'x', 'forged', event_type, session_date, source, payload"
        " FROM audit_events WHERE idempotency_key = 'fill/2'",
    )
    assert said == ["inserted: event forged of run commands, in no link"]


def test_events_that_change_places_are_named(tampered):
    said = tampered(
        "UPDATE audit_chain c SET event_id = o.event_id, event_hash = o.event_hash FROM audit_chain o "
        "WHERE (c.position, o.position) IN ((2, 3), (3, 2))"
    )
    assert said[:2] == [
        "link changed or moved: event fill/2 of run one, position 2",
        "link changed or moved: event fill/1 of run one, position 3",
    ]


def test_a_whole_run_taken_out_is_found(tampered):
    said = tampered(
        "DELETE FROM audit_events WHERE run_id = 'two'", "DELETE FROM audit_chain WHERE run_id = 'two'"
    )
    assert said == ["link missing before: event fill/7 of run one, position 8"]


def test_a_head_noted_before_proves_what_was_there(trail):
    with transaction(trail.reader) as connection:
        before = head(connection)
    assert before.startswith("12:")
    with as_run("later"), transaction(trail.writer) as connection:
        write_events(connection, [fact(12)])
    with transaction(trail.reader) as connection:
        assert check_head(connection, before) == []
        assert head(connection) != before
        with pytest.raises(ConfigError, match="not a head"):
            check_head(connection, "12:abc")
    for table in ("audit_events", "audit_chain"):  # the end of the chain cut off: nothing else would show it
        query(trail.owner, f"DELETE FROM {table} WHERE run_id IN ('three', 'later') RETURNING 1")
    assert found(trail) == []
    with transaction(trail.reader) as connection:
        (said,) = check_head(connection, before)
    assert "does not go through" in said


def test_a_transaction_that_is_rolled_back_leaves_no_link(trail):
    with transaction(trail.writer) as connection:
        with pytest.raises(errors.DivisionByZero), connection.transaction():
            write_events(connection, [fact(20)])
            connection.execute("SELECT 1/0")
        write_events(connection, [fact(21), fact(2)])  # the latter is there already
    assert found(trail) == []
    assert query(trail.reader, "SELECT count(*) AS n FROM audit_chain") == [{"n": 13}]


def test_a_bad_event_is_named_and_nothing_of_its_transaction_is_written(trail):
    bad = fact(31)
    bad["payload"] = {**bad["payload"], "quantity": "many"}
    with pytest.raises(
        DataQualityError, match=r"execution\.completed\.v1(?s:.*)quantity(?s:.*)expected long(?s:.*)fill/31"
    ), transaction(trail.writer) as connection:
        write_events(connection, [fact(30), bad])
    assert query(trail.reader, "SELECT FROM audit_events WHERE idempotency_key LIKE 'fill/3_'") == []
    assert found(trail) == []


def test_many_tasks_of_one_run_write_one_chain(trail):
    """Each holds its transaction open until all have written: nobody waits for another before the commit."""
    together = threading.Barrier(8)
    failed = []

    def write(task):
        try:
            for turn in range(5):
                with as_run("shared"), transaction(trail.writer) as connection:
                    first = 1000 + task * 100 + turn * 10
                    write_events(connection, map(fact, range(first, first + 5)))
                    write_events(connection, map(fact, range(first + 5, first + 10)))
                    together.wait(30)
        except Exception as error:
            failed.append(error)
            together.abort()

    threads = [threading.Thread(target=write, args=(task,)) for task in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert found(trail) == []
    (links,) = query(
        trail.reader,
        "SELECT count(*) AS n, max(run_position) AS last FROM audit_chain WHERE run_id = 'shared'",
    )
    assert links == {"n": 400, "last": 400}


def test_every_event_of_the_chain_of_stages_is_linked_to_the_run_that_wrote_it(chained):
    assert found(chained) == []
    runs = query(
        chained.reader,
        "SELECT count(*) AS n, bool_and(starts_with(e.run_id, 'test_run_')) AS own FROM audit_events e",
    )
    assert runs[0]["n"] > 2000 and runs[0]["own"]


CHANGES = [
    (verb, table)
    for verb in ("UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {}", "INSERT INTO {} DEFAULT VALUES")
    for table in ("audit_events", "audit_chain", "audit_pending")
    if (verb, table) != ("INSERT INTO {} DEFAULT VALUES", "audit_events")  # what the role is there for
]


@pytest.mark.parametrize("role", ["writer", "trainer"])
@pytest.mark.parametrize(("verb", "table"), CHANGES)
def test_who_writes_events_only_adds_them(shared, role, verb, table):
    column = "event_ids" if table == "audit_pending" else "event_id"
    with pytest.raises(errors.InsufficientPrivilege):
        query(getattr(shared, role), verb.format(table, column, column))


def test_who_writes_events_cannot_link_them_by_hand(shared):
    with pytest.raises(errors.InsufficientPrivilege):
        query(shared.writer, "SELECT append_audit_links(ARRAY[]::uuid[])")
