"""Becoming another role: who logs in as quant_writer works with the rights of one layer, or of a replay, only.

The roles have no login; db-init/00_roles_and_databases.sql makes them, include/grants.csv says what each may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

# The layer that a stage of the daily chain writes.
LAYERS: Mapping[str, str] = {
    "data_ingestion": "quant_ingest",
    "feature_engineering": "quant_features",
    "model_execution": "quant_models",
    "risk_execution": "quant_risk",
    "performance_testing": "quant_performance",
}


def as_role(uri: str, role: str, path: str = "") -> str:
    """Return a URI whose connections work as a role from their first statement on.

    Args:
        uri: of a login that may become the role.
        role: its name; RESET ROLE leads back to it, too.
        path: search_path; the login's own when empty.
    """
    options = f"-c role={role}" + (f" -c search_path={path}" if path else "")
    return f"{uri}{'&' if '?' in uri else '?'}options={quote(options)}"


def as_layer(uri: str, stage: str) -> str:
    """Return a URI that reads everything and writes what the layer of a stage of the daily chain holds."""
    return as_role(uri, LAYERS[stage])
