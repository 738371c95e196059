"""The notebook's outputs are what its cells give now."""

from __future__ import annotations

import ast
import json
from typing import Any

import pandas as pd
import pytest

from data_layer.features.document import PAGE

NOTEBOOK = PAGE.with_suffix(".ipynb")


def run_cell(source: str, names: dict[str, Any]) -> object:
    """Run a cell's statements and give the value of its last line, as a notebook shows it."""
    *before, last = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        before, last = [*before, last], ast.Expr(ast.Constant(None))
    exec(compile(ast.Module(before, []), str(NOTEBOOK), "exec"), names)  # noqa: S102  # the project's own page
    return eval(compile(ast.Expression(last.value), str(NOTEBOOK), "eval"), names)  # noqa: S307


def test_its_outputs_are_what_the_cells_give():
    pytest.importorskip("bokeh_sampledata")
    names: dict[str, Any] = {}
    shown = 0
    with pd.option_context("display.width", 80, "display.max_columns", 20):
        for cell in json.loads(NOTEBOOK.read_text())["cells"]:
            if cell["cell_type"] != "code":
                continue
            value = run_cell("".join(cell["source"]), names)
            found = [output["data"]["text/plain"] for output in cell["outputs"] if "data" in output]
            assert [repr(value)] == ["".join(text) for text in found]
            shown += 1
    assert shown >= 5
