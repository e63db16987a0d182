"""The table of laws that people fit: each is a law, with the inputs and signs of the page."""

import re
from pathlib import Path

import numpy as np
import pytest

import farseer_jax as fj

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "laws.md").read_text(encoding="utf-8")
TYPICAL = {"N": 1e9, "D": 1e11, "C": 1e21, "M": 20.0, "U": 1e10, "S": 0.5, "r": 0.5, "x": 10.0}


def rows() -> list[list[str]]:
    lines = PAGE[PAGE.index("| law | inputs |") :].splitlines()[2:]
    table = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def law_of(row: list[str]) -> type[fj.Law]:
    signed = re.search(r"`real=\[(.*?)\]`", row[0])
    real = re.findall(r'"(\w+)"', signed[1]) if signed else []
    return fj.law(f"{row[1]} | {row[2].strip('`')}", real=real)


def test_the_table_has_the_laws() -> None:
    assert len(rows()) >= 18
    assert all(len(row) == 4 for row in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0].partition(",")[0])
def test_each_is_a_law_with_a_finite_loss(row: list[str]) -> None:
    law = law_of(row)
    assert ", ".join(law.inputs()) == row[1]
    if "h" in law.inputs():
        law = law.with_shares({"h": ("web", "code")})
    shapes = {field.name: (2,) if field.along else () for field in law.fields()}
    size = {"gamma": 0.01}  # of an interaction: times ln N in an exponent
    values = {name: np.full(shape, size.get(name, 0.3)) for name, shape in shapes.items()}
    points = {name: TYPICAL.get(name, 8.0) for name in law.inputs() if name != "h"}
    shares = {"h": np.array([0.25, 0.75])} if "h" in law.inputs() else {}
    assert np.isfinite(law(**values)(**points, **shares))


@pytest.mark.parametrize("row", [r for r in rows() if "real=" in r[0]], ids=lambda row: row[0])
def test_parameters_are_signed_where_the_page_says_so(row: list[str]) -> None:
    law = law_of(row)
    signed = [name for name, domain in law.domains().items() if domain.lower < 0.0]
    named = re.findall(r'"(\w+)"', row[0])
    assert [name.partition("[")[0] for name in signed] == [n for n in law_fields(law) if n in named]


def law_fields(law: type[fj.Law]) -> list[str]:
    return [field.name for field in law.fields()]
