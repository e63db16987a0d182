"""Runs with other inputs than N and D: kinds, mixtures, categories, links, weights."""

import copy
import dataclasses
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest

from farseer_jax.link_functions import Link
from farseer_jax.runs.runs import Runs

SHARES = {"web": [0.5, 1.0, 0.25, 0.0], "code": [0.5, 0.0, 0.75, 1.0]}
INPUTS: dict[str, Any] = {"P": [1, 2, 4, 8], "x": [-1.5, 0, 2, 3], "h": SHARES, "arm": list("abab")}
KINDS = {"P": "count", "x": "real", "h": "mixture", "arm": "category"}


def make(**changes: Any) -> Runs:
    content = {"inputs": INPUTS, "kinds": KINDS, "loss": [3.5, 3.2, 3.1, 3.0], **changes}
    return Runs(**content)


def with_input(name: str, values: Any, kind: str) -> Runs:
    return Runs(loss=np.ones(len(values)) * 2.0, inputs={name: values}, kinds={name: kind})


def test_inputs_of_every_kind() -> None:
    runs = make(N=[1e8, 2e8, 4e8, 8e8])
    assert list(runs.inputs) == ["N", "P", "x", "h", "arm"]
    assert runs.kinds == {"N": "positive", **KINDS}
    assert runs.shares == {"h": ("web", "code")}
    assert runs.labels == {"arm": ("a", "b")}
    assert runs.inputs["P"].dtype == np.float64
    np.testing.assert_array_equal(runs.inputs["h"], np.stack(list(SHARES.values()), axis=1))
    assert runs.inputs["arm"].tolist() == list("abab")
    assert runs.N is runs.inputs["N"]
    for column in runs.inputs.values():
        assert not column.flags.writeable
    with pytest.raises(TypeError, match="does not support item assignment"):
        runs.inputs["N"] = runs.loss  # type: ignore[index]


def test_a_mixture_as_an_array() -> None:
    array = np.stack(list(SHARES.values()), axis=1)
    named = make(inputs={**INPUTS, "h": array}, shares={"h": ("web", "code")})
    assert named == make()
    assert make(inputs={**INPUTS, "h": array}).shares == {"h": ("h_1", "h_2")}
    array[:] = 7.0
    assert named == make()


def test_shares_stay_as_they_are_within_the_tolerance() -> None:
    runs = with_input("h", [[0.3, 0.7 + 5e-7], [0.5, 0.5]], "mixture")
    assert runs.inputs["h"][0, 1] == 0.7 + 5e-7


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ("positive", [1.0, 0.0], "column 'x': row 1 is not positive (0.0)"),
        ("positive", [1.0, math.nan], "column 'x': row 1 is missing or NaN"),
        ("real", [math.inf, -1.0], "column 'x': row 0 is infinite"),
        ("real", ["a", -1.0], "column 'x': row 0 is not a number ('a')"),
        ("count", [1.0, 2.5], "column 'x': row 1 is not a positive whole number (2.5)"),
        ("count", [0, 2], "column 'x': row 0 is not a positive whole number (0.0)"),
        ("category", ["a", None, "b"], "column 'x': row 1 is missing"),
        ("category", ["a", "", ""], "column 'x': rows 1, 2 are missing"),
        ("category", [1.0, math.nan, 2.0], "column 'x': row 1 is missing"),
        ("category", [["a"], ["b"], ["c"]], "column 'x': its values cannot be labels"),
        ("category", ["a", "a"], "input 'x': has the same value 'a' in all runs"),
        ("mixture", {"u": [0.5, 0.4], "v": [0.5, 0.4]}, "columns 'u', 'v' (x): row 1 does not sum"),
        ("mixture", {"u": [50, 60], "v": [50, 40]}, "columns 'u', 'v' (x): rows 0, 1 do not sum"),
        ("mixture", {"u": [1.5, 1.0], "v": [-0.5, 0]}, "column 'v': row 0 is negative (-0.5)"),
        ("mixture", {"u": [1.0, 1.0]}, "columns 'u' (x): expected two or more shares"),
        (
            "mixture",
            {"u": [1.0, 0.5], "v": [0.5]},
            "columns 'u', 'v' (x): expected two or more shares",
        ),
        ("mixture", [1.0, 1.0], "input 'x': expected an array of shape (run, share)"),
        ("complex", [1.0, 1.0], "input 'x': unknown kind 'complex'; choose from positive, real"),
    ],
)
def test_bad_inputs_name_column_row_and_remedy(kind: str, values: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        with_input("x", values, kind)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": None}, "loss: expected the response of each run, got none"),
        ({"kinds": {"Q": "real"}}, "kinds: unknown input 'Q'; the inputs are P, x, h, arm"),
        ({"inputs": {"N": [1e8]}, "kinds": {}, "N": [1e8], "loss": [3.0]}, "'N' is given twice"),
        (
            {"shares": {"h": ("a",)}, "inputs": {"h": np.eye(4)}, "kinds": {"h": "mixture"}},
            "expected 4 names",
        ),
        (
            {"extra": {"web": [1, 2, 3, 4]}},
            "extra column 'web': the runs have a column of this name",
        ),
        ({"inputs": {"P": [1, 2]}, "kinds": {}}, "column 'P' has 2, column 'loss' has 4 values"),
        ({"link": "probit"}, "unknown link 'probit'; choose from log, identity, logit"),
        ({"weights": [1, 1]}, "weights: expected one value per run (4), got 2"),
        ({"weights": [1, -1, 1, 1]}, "weights: row 1 is negative"),
        ({"weights": [1, math.nan, 1, 1]}, "weights: row 1 is missing or NaN"),
        ({"weights": [0, 0, 0, 0]}, "weights: all weights are 0"),
    ],
)
def test_other_refusals(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        make(**changes)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("link", "loss", "message"),
    [
        ("log", [1.0, -0.5, 1.0, 1.0], "row 1 is not positive (-0.5)"),
        ("identity", [1.0, math.nan, 1.0, 1.0], "row 1 is missing or NaN"),
        ("logit", [0.5, 1.0, 0.3, 0.0], "rows 1, 3 are not between 0 and 1 (1.0, 0.0)"),
        (Link("logit", 0.25), [0.5, 0.9, 0.25, 0.6], "row 2 is not between 0.25 and 1 (0.25)"),
    ],
)
def test_the_response_is_checked_on_the_scale_of_its_link(
    link: Any, loss: list[float], message: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message is looked at
        make(link=link, loss=loss)
    assert f"column 'loss': {message}" in str(caught.value)


def test_a_negative_loss_shows_the_link_to_use() -> None:
    with pytest.raises(ValueError, match='link="identity" in Python or --link identity'):
        make(loss=[-1.0, -2.0, -1.5, -3.0])
    runs = make(loss=[-1.0, -2.0, -1.5, -3.0], link="identity")
    assert runs.loss.min() == -3.0
    assert runs.link == Link("identity")


def test_an_absent_input_is_named_with_what_there_is() -> None:
    runs = make()
    for read in (lambda: runs.N, lambda: runs.flops, lambda: runs.num_sizes):
        with pytest.raises(ValueError, match=r"no input N, only P, x, h, arm; .*--N column"):
            read()
    with pytest.raises(ValueError, match="no input D, only N;"):
        _ = Runs(N=[1e8], loss=[3.0]).D


def test_small_D_needs_no_unit_without_N() -> None:
    assert Runs(D=[200, 400], loss=[3.0, 2.9]).D.tolist() == [200.0, 400.0]
    with pytest.raises(ValueError, match="N_unit=1e9"):
        Runs(N=[200, 400], loss=[3.0, 2.9])
    with pytest.raises(ValueError, match="D_unit=1e9"):
        Runs(N=[2e8, 4e8], D=[200, 400], loss=[3.0, 2.9])


# Copies, selection, text, equality, files


def test_a_copy_is_equal_in_all_inputs_and_the_loss() -> None:
    runs = make(
        loss=[3.0, 3.0, 3.0, 3.0],
        inputs={"P": [1, 1, 1, 1], "h": np.full((4, 2), 0.5), "arm": ["a", "a", "b", "a"]},
        kinds={"h": "mixture", "arm": "category"},
    )
    assert runs.is_copy.tolist() == [False, True, False, True]
    other = make(loss=[3.0, 3.0], inputs={"h": [[0.5, 0.5], [0.25, 0.75]]}, kinds={"h": "mixture"})
    assert other.num_copies == 0


def test_selection_by_any_input() -> None:
    runs = make(weights=[0, 1, 2, 3], extra={"id": [10, 11, 12, 13]})
    assert runs.select(at_least={"P": 2}, at_most={"x": 2}).extra["id"].tolist() == [11, 12]
    assert runs.select(at_most={"loss": 3.1}).weights.tolist() == [2.0, 3.0]
    assert runs.select(at_least={"code": 0.6}).inputs["arm"].tolist() == ["a", "b"]
    assert runs.select(mask=[True, False, True, False]).labels == {"arm": ("a",)}
    with pytest.raises(
        ValueError, match="at_least arm: the runs have no numeric column 'arm'; choose fr"
    ):
        runs.select(at_least={"arm": 1})
    with pytest.raises(ValueError, match=r"left with at_least P=9: .* have P from 1 to 8"):
        runs.select(at_least={"P": 9})


def test_text_of_runs_without_N() -> None:
    runs = make(link="identity", weights=[1, 1, 2, 2])
    assert repr(runs) == "Runs(4 runs of P, x, h, arm)"
    assert str(runs).splitlines() == [
        "runs     4",
        "P        1 to 8",
        "x        -1.5 to 3",
        "h        2 shares: web, code",
        "arm      2 values: a, b",
        "loss     3 to 3.5",
        "link     identity",
        "weights  1 to 2",
    ]


def test_equality_covers_kinds_link_weights_and_names_of_shares() -> None:
    runs = make()
    assert runs == make()
    assert runs != make(link="identity")
    assert runs != make(weights=[1, 1, 1, 1])
    assert runs != make(kinds={**KINDS, "P": "positive"})
    renamed = {"web": SHARES["web"], "text": SHARES["code"]}
    assert runs != make(inputs={**INPUTS, "h": renamed})
    assert runs != make(inputs={**INPUTS, "arm": list("abba")})


@pytest.mark.parametrize("link", ["log", "identity", Link("logit", 0.25, 4.0)])
def test_there_and_back(link: Any) -> None:
    runs = make(link=link, weights=[0.1, 1, 2, 3], extra={"id": list("wxyz")}, loss_name="bpb")
    text = json.dumps(runs.to_dict(), allow_nan=False)
    for again in (
        Runs.from_dict(json.loads(text)),
        pickle.loads(pickle.dumps(runs)),
        copy.deepcopy(runs),
        dataclasses.replace(runs),
    ):
        assert again == runs
        assert again.loss_name == "bpb"
        assert list(again.inputs) == list(runs.inputs)
        assert not again.inputs["h"].flags.writeable


def test_a_selection_with_one_label_goes_to_json_and_back() -> None:
    runs = make().select(mask=[True, False, True, False])
    assert Runs.from_dict(runs.to_dict()) == runs


def test_the_order_of_inputs_is_kept() -> None:
    runs = Runs(loss=[3.0], inputs={"U": [1e9], "N": [1e8], "D": [1e9]})
    assert list(Runs.from_dict(runs.to_dict()).inputs) == ["U", "N", "D"]


def test_a_dataframe_has_a_column_for_each_share() -> None:
    frame = make(weights=[1, 1, 1, 1], extra={"id": list("wxyz")}).to_dataframe()
    assert list(frame.columns) == ["P", "x", "web", "code", "arm", "loss", "weights", "id"]
    assert frame["code"].tolist() == SHARES["code"]


def test_another_response_of_the_same_runs() -> None:
    runs = make(weights=[1, 1, 2, 2]).with_loss([1, 2, 3, 4], "bpb")
    assert runs == make(weights=[1, 1, 2, 2], loss=[1, 2, 3, 4])
    assert runs.loss_name == "bpb"
    with pytest.raises(ValueError, match="row 0 is not positive"):
        make().with_loss([-1, 2, 3, 4])
    with pytest.raises(ValueError, match=r"loss: expected one value per run \(4\), got 2"):
        make().with_loss([1, 2])
