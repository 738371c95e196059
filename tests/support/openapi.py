"""The API's own description, made into requests by schemathesis, and each answer held to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

V1 = "/api/v1"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
          response_headers_conformance]  # fmt: skip


def hold_to_its_description(app: Any, role: str, examples: int, between: Callable[[], None] = lambda: None) -> int:
    """Ask every operation for what its description allows and for what it does not; return how many there are.

    Args:
        app: ASGI application.
        role: whose token is sent.
        examples: of each operation, allowed and not allowed each.
        between: called before each operation.

    Raises:
        ExceptionGroup: what did not keep to the description, an entry an operation.
    """
    headers = {"Authorization": f"Bearer {role}"}
    schema = schemathesis.openapi.from_asgi(f"{V1}/openapi.json", app, headers=headers)
    wrong: list[Exception] = []
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        between()
        for mode in GenerationMode:
            if mode is GenerationMode.NEGATIVE and not (operation.body or list(operation.iter_parameters())):
                continue  # there is nothing that could be wrong

            @settings(max_examples=examples, deadline=None, phases=[Phase.generate], database=None,
                      suppress_health_check=list(HealthCheck))  # fmt: skip
            @given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                case.call_and_validate(headers=headers, checks=CHECKS)

            try:
                ask()
            except Exception as error:
                error.add_note(f"{operation.label}, {mode}")
                wrong.append(error)
    if wrong:
        raise ExceptionGroup("not as described", wrong)
    return len(operations)
