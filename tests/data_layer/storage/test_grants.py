"""Who may do what: the matrix of role, table and verb in include/grants.csv, against what the database lets be."""

from __future__ import annotations

import csv

import psycopg
import pytest

from data_layer.settings import ROOT
from data_layer.storage.roles import LAYERS, as_layer
from tests.support.chain import query
from tests.support.prepared import change

STATED = ROOT / "include" / "grants.csv"
LOGINS = ("quant_writer", "quant_trainer", "quant_reader")
ROLES = (*LOGINS, *LAYERS.values())
# What a role can do however it came by it, PUBLIC's and inherited rights too. (columns): only on those.
EFFECTIVE = """
SELECT c.relname AS table, r.role,
       string_agg(v.verb || coalesce(' (' || part.columns || ')', ''), '; ' ORDER BY v.n) AS verbs
FROM pg_class c
CROSS JOIN unnest(%(roles)s::text[]) AS r (role)
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'])
    WITH ORDINALITY AS v (verb, n)
CROSS JOIN LATERAL (
    SELECT CASE WHEN v.verb IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                     AND NOT has_table_privilege(r.role, c.oid, v.verb)
           THEN string_agg(a.attname, ' ' ORDER BY a.attname)
                FILTER (WHERE has_column_privilege(r.role, c.oid, a.attnum, v.verb)) END AS columns
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      AND v.verb IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
) part
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm') AND c.relname NOT LIKE '%%yoyo%%'
  AND c.relname NOT LIKE 'features\\_%%' AND (has_table_privilege(r.role, c.oid, v.verb) OR part.columns IS NOT NULL)
GROUP BY 1, 2
"""

# Every table and view there is, in whatever schema, whoever may do what with it; not yoyo's own, and not the views that
# 0003 makes of each set of features.
TABLES = """
SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname AS table
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%%' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND c.relname NOT LIKE '%%yoyo%%' AND NOT (c.relkind = 'v' AND c.relname LIKE 'features\\_%%')
ORDER BY 1
"""


def stated():
    """What the file says; a layer's column has what its role may do beside reading, which all of them may."""
    with STATED.open(newline="") as file:
        return {row["table"]: {role: row.get(role) or "" for role in ROLES} for row in csv.DictReader(file)}


def effective(database):
    rows = query(database.owner, EFFECTIVE, {"roles": list(ROLES)})
    found = {}
    for row in rows:
        found.setdefault(row["table"], dict.fromkeys(ROLES, ""))[row["role"]] = row["verbs"]
    for held in found.values():
        reads = held["quant_reader"].split("; ")
        for layer in LAYERS.values():
            assert held[layer], "a layer reads what a reader may"
            held[layer] = "; ".join(verb for verb in held[layer].split("; ") if verb not in reads)
    return found


def without_a_line(database):
    return [row["table"] for row in query(database.owner, TABLES, {}) if row["table"] not in stated()]


def line(table, held):
    return ",".join([table, *held.values()])


def test_every_role_may_do_with_every_table_what_is_stated_and_nothing_else(database):
    """Lines that are missing in include/grants.csv stand on the left, those too many on the right."""
    ours = {line(*one) for one in effective(database).items()}
    theirs = {line(*one) for one in stated().items()}
    assert (sorted(ours - theirs), sorted(theirs - ours)) == ([], [])


def test_no_table_is_without_a_line(database):
    """Not even one that nobody may do anything with: it would not be among what somebody may."""
    assert without_a_line(database) == []
    change(database, "SET ROLE quant_owner; CREATE TABLE forgotten (id int); CREATE TABLE features_kept (id int)")
    assert without_a_line(database) == ["features_kept", "forgotten"]
    change(database, "REVOKE ALL ON forgotten FROM PUBLIC, quant_writer, quant_trainer, quant_reader")
    change(database, "CREATE SCHEMA elsewhere CREATE TABLE forgotten (id int)")
    assert without_a_line(database) == ["elsewhere.forgotten", "features_kept", "forgotten"]
    assert "forgotten" not in effective(database)


def test_the_statement_itself_keeps_the_rules():
    matrix = stated()
    assert list(matrix) == sorted(matrix)
    for table, held in matrix.items():
        assert {verb.split(" (")[0] for verb in held["quant_reader"].split("; ")} == {"SELECT"}, table
        for role in ROLES:
            assert not {"TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"} & set(held[role].split("; ")), (table, role)
    added = {**dict.fromkeys(LOGINS[:2], "SELECT; INSERT"), **dict.fromkeys(LAYERS.values(), "INSERT")}
    assert matrix["audit_events"] == {**added, "quant_reader": "SELECT"}
    for table in ("audit_chain", "audit_pending"):
        assert set(matrix[table].values()) == {"SELECT", ""}
    for table in ("market_data_history", "ledger_entries", "fills"):
        assert matrix[table]["quant_writer"] == "SELECT; INSERT"
    # Labels are what comes after a session: who decides about sessions does not see them.
    assert "label" not in matrix["training_labels"]["quant_writer"].replace("label_end", "")


def test_each_layer_has_a_writer_of_its_own():
    """A table is written by one stage of the daily chain; what several of them write stands here, with the reason."""
    everybody = set(LAYERS.values())
    writers = {table: {layer for layer in everybody if held[layer]} for table, held in stated().items()}
    assert {table: layers for table, layers in writers.items() if len(layers) > 1} == {
        "audit_events": everybody, "stage_runs": everybody,  # the trail of each
        "alerts": {"quant_models", "quant_performance"},
        "performance_states": {"quant_models", "quant_performance"},  # sums over signals go with signals restated
    }  # fmt: skip
    for table, layer in {
        "market_data": "quant_ingest", "feature_values": "quant_features", "signals": "quant_models",
        "orders": "quant_risk", "fills": "quant_risk", "model_performance": "quant_performance",
    }.items():  # fmt: skip
        assert writers[table] == {layer}
    for table, held in stated().items():  # none may do what the login may not
        for layer in LAYERS.values():
            assert set(filter(None, held[layer].split("; "))) <= set(held["quant_writer"].split("; ")), (table, layer)


@pytest.mark.parametrize("stage", LAYERS)
def test_a_stage_writes_its_own_layer_only(database, stage):
    with psycopg.connect(as_layer(database.writer, stage), autocommit=True) as connection:
        assert connection.execute("SELECT current_user, session_user").fetchone() == (LAYERS[stage], "quant_writer")
        assert connection.execute("SHOW search_path").fetchone() == ("public, pg_temp",)
        connection.execute("CREATE TEMP TABLE staged (LIKE stage_runs)")  # as every merge does
        connection.execute("RESET ROLE")  # leads back to the layer
        written = {table: held[LAYERS[stage]] for table, held in stated().items() if "; " in held["quant_writer"]}
        foreign = [table for table, own in written.items() if not own]
        assert len(foreign) > 40
        for table in foreign:
            for statement in (f"INSERT INTO {table} DEFAULT VALUES", f"DELETE FROM {table}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)


def test_a_right_given_to_everybody_is_found(database):
    change(database, "GRANT DELETE ON fills TO PUBLIC")
    assert "DELETE" in effective(database)["fills"]["quant_reader"]


@pytest.mark.parametrize(("role", "database_name"), [*((r, "airflow") for r in LOGINS), ("airflow", "quant_data")])
def test_airflows_metadata_and_the_data_are_apart(server, role, database_name):
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(server.uri(role, database_name))


@pytest.mark.parametrize("role", [*LOGINS, "airflow"])
def test_a_role_looks_nowhere_but_where_it_should(server, role):
    """A table of the same name in a schema or session of somebody else's never takes ours' place."""
    database = "airflow" if role == "airflow" else "quant_data"
    with psycopg.connect(server.uri(role, database)) as connection:
        assert connection.execute("SHOW search_path").fetchone() == ("public, pg_temp",)
        owned = connection.execute(
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        assert owned.fetchone() == (False,)
