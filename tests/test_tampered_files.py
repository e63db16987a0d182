"""Files that were changed after they were written: refused, by cause, and never read."""

import ast
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import farseer_jax as fj
from farseer_jax.results.digest import digest_of, json_text

Content = dict[str, Any]
Change = Callable[[Content, st.DataObject], Any]

FACTORS = st.sampled_from([-1.0, 0.5, 0.999, 1.0 + 1e-6, 1.01, 3.0])


@pytest.fixture(scope="module")
def fits() -> dict[str, Content]:
    """The contents of two files of fits: by starts, and in stages."""
    runs = fj.example_runs(noise=1e-3).select(max_N=8e8)
    method = fj.LeastSquares(num_starts=4, bounds={"alpha": (0.0, 2.0)})
    starts = fj.fit(fj.Chinchilla, runs, method)
    return {
        "starts": json.loads(starts.to_json()),
        "stages": json.loads(fj.fit(fj.Farseer, runs).to_json()),
    }


def chosen(data: st.DataObject, values: Any) -> Any:
    """A key of a mapping, or a place of a list."""
    return data.draw(st.sampled_from(range(len(values)) if isinstance(values, list) else [*values]))


def scale(values: Any, data: st.DataObject) -> None:
    """Change one of some numbers."""
    key = chosen(data, values)
    values[key] = values[key] * data.draw(FACTORS) if values[key] else 1e-3


def put(path: str, value: Any) -> Change:
    """A change that puts a value at a place such as ``metrics.num_runs``; ``#`` is any place."""

    def change(content: Content, data: st.DataObject) -> None:
        *parts, last = path.split(".")
        for part in parts:
            content = content[chosen(data, content) if part == "#" else part]
        place = int(last) if isinstance(content, list) and last != "#" else last
        content[chosen(data, content) if last == "#" else place] = value

    return change


def drop(path: str) -> Change:
    """A change that removes what is at a place."""

    def change(content: Content, data: st.DataObject) -> None:
        *parts, last = path.split(".")
        for part in parts:
            content = content[part]
        content.pop(chosen(data, content) if last == "#" else last)

    return change


def scaled(path: str) -> Change:
    """A change that scales one of the numbers at a place, by −1 to 3."""

    def change(content: Content, data: st.DataObject) -> None:
        *parts, last = path.split(".")
        for part in parts:
            content = content[part]
        scale(content if last == "#" else content[last], data)

    return change


def both_copies(change: Change) -> Change:
    """A change of the parameters that are read and of their copy for people."""

    def both(content: Content, data: st.DataObject) -> None:
        change(content, data)
        content["fits"][0]["parameters"] = copy.deepcopy(content["parameters"])

    return both


def remove_run(content: Content, data: st.DataObject) -> None:
    runs = content["runs"]
    row = chosen(data, runs["loss"])
    for name in ("N", "D", "loss"):
        del runs[name][row]


def double_run(content: Content, data: st.DataObject) -> None:
    runs = content["runs"]
    row = chosen(data, runs["loss"])
    for name in ("N", "D", "loss"):
        runs[name].append(runs[name][row])


def swap_losses(content: Content, data: st.DataObject) -> None:
    losses = content["runs"]["loss"]
    one = data.draw(st.integers(0, len(losses) - 2))
    losses[one], losses[one + 1] = losses[one + 1], losses[one]


def zeros(content: Content, data: st.DataObject) -> None:
    del data
    num = len(content["relative_error"])
    content["relative_error"] = [0.0] * num
    content["metrics"] |= {"mean_relative_error": 0.0, "max_relative_error": 0.0}


def add_weights(content: Content, data: st.DataObject) -> None:
    weights = [1.0] * len(content["runs"]["loss"])
    weights[chosen(data, weights)] = 3.0
    content["runs"]["weights"] = weights


def other_law(content: Content, data: st.DataObject) -> None:
    content["law"] = data.draw(st.sampled_from(["kaplan", "coupled", "raw-farseer"]))


BY_STARTS: dict[str, tuple[Change, str]] = {
    "a parameter scaled": (both_copies(scaled("parameters.#")), "parameters|relative_error"),
    "a parameter removed": (both_copies(drop("parameters.#")), "is missing"),
    "a parameter as text": (both_copies(put("parameters.E", "1.7")), "relative_error|parameters"),
    "a parameter as a list": (both_copies(put("parameters.#", [0.3, 0.4])), "expected|array|dim"),
    "a parameter null": (both_copies(put("parameters.#", None)), "not finite"),
    "a negative floor": (both_copies(put("parameters.E", -0.2)), "parameters.E is -0.2, outside"),
    "an infinite parameter": (both_copies(put("parameters.A", "inf")), "not finite"),
    "an unknown parameter": (put("parameters.zeta", 1.0), "parameters.zeta is unknown"),
    "only the copy for people": (scaled("parameters.#"), "parameters"),
    "an exponent beyond its bounds": (put("method.bounds.alpha", [0, 1e-3]), "its bounds"),
    "a fixed parameter of another value": (put("method.fixed.E", 0.01), "parameters.E"),
    "parameters tied that differ": (put("method.tied", [["alpha", "beta"]]), "beta, tied"),
    "a loss scaled": (scaled("runs.loss"), "relative_error|positive"),
    "a size scaled": (scaled("runs.N"), "relative_error|positive"),
    "two losses swapped": (swap_losses, "relative_error"),
    "a run removed": (remove_run, "relative_error"),
    "a run copied": (double_run, "num_copies"),
    "a loss removed": (drop("runs.loss.#"), "unequal length"),
    "a loss negative": (put("runs.loss.#", -1.0), "not positive"),
    "a loss as text": (put("runs.loss.#", "3.1"), "relative_error|loss"),
    "a loss true": (put("runs.loss.#", True), "loss"),
    "a loss null": (put("runs.loss.#", None), "loss"),
    "no runs": (drop("runs"), "'runs' is missing"),
    "weights of another length": (put("runs.weights", [1.0, 2.0]), "weights"),
    "other weights": (add_weights, "objective"),
    "zeros as errors": (zeros, "relative_error"),
    "an error scaled": (scaled("relative_error"), "relative_error|metrics"),
    "an error removed": (drop("relative_error.#"), "relative_error"),
    "an error null": (put("relative_error.#", None), "relative_error: expected a list of numbers"),
    "no errors": (put("relative_error", []), "relative_error"),
    "a metric scaled": (put("metrics.mean_relative_error", 1e-9), "metrics.mean_relative_error"),
    "the largest error": (put("metrics.max_relative_error", 1e-9), "metrics.max_relative_error"),
    "the number of runs": (put("metrics.num_runs", 12), "metrics.num_runs"),
    "left out, negative": (put("num_left_out", -1), "num_left_out"),
    "left out, a fraction": (put("num_left_out", 1.5), "num_left_out"),
    "left out, true": (put("num_left_out", True), "num_left_out"),
    "another message": (put("outcome.message", "Perfect."), "outcome.message"),
    "another outcome": (put("fits.#.outcome.name", "bound_active"), "outcome"),
    "an unknown outcome": (put("fits.#.outcome.name", "fine"), "outcome: expected one of"),
    "the objective scaled": (put("diagnostics.objective", 1e-5), "diagnostics.objective"),
    "the objective as text": (put("diagnostics.objective", "1"), "diagnostics.objective: expected"),
    "a better start": (put("diagnostics.start_objective.#", 1e-9), "diagnostics.objective"),
    "a start removed": (drop("diagnostics.start_objective.#"), "different lengths"),
    "an unknown ending": (put("diagnostics.start_outcome.#", 7), "start_outcome"),
    "a fraction of a step": (put("diagnostics.start_steps.#", 1.5), "start_steps: expected"),
    "negative steps": (put("diagnostics.start_steps.#", -3), "start_steps is below 0"),
    "the number of copies": (put("diagnostics.num_copies", 3), "num_copies"),
    "a part of the report": (drop("diagnostics.#"), "is missing"),
    "another law": (other_law, "inputs|parameters|is missing|relative_error|expression"),
    "another kind of input": (put("inputs.N.kind", "real"), "inputs"),
    "a further input": (put("inputs.P", {"kind": "positive"}), "inputs"),
    "another link": (put("link", "identity"), "link"),
    "another link of the runs": (put("runs.link", {"name": "identity"}), "link|objective"),
    "an unknown setting": (put("method.speed", 1), "speed"),
    "a setting as text": (put("method.num_starts", "4"), "num_starts"),
    "a setting true": (put("method.num_starts", True), "num_starts"),
    "another objective": (put("method.objective.residual", "absolute"), "objective"),
    "a negative threshold": (put("method.objective.delta", -1.0), "delta must be 0 or more"),
    "a label of a fit": (put("fits.#.group", {"corpus": "web"}), "group: expected no label"),
    "a grouping column": (put("by", ["corpus"]), "group: expected corpus"),
    "names as a text": (put("by", "corpus"), "by: expected a list of names"),
    "shared without groups": (put("shared", ["alpha"]), "shared"),
    "another response": (put("fits.#.response", "bpb"), "response"),
    "no fits": (put("fits", []), "it contains no fit"),
    "fits as a mapping": (put("fits", {"a": 1}), "it contains no fit"),
    "warnings as a text": (put("warnings", "none"), "warnings"),
    "a warning added": (put("warnings", ["All is well."]), "warnings"),
    "a seed as text": (put("method.seed", "nan"), "seed must be a whole number from 0"),
    "a negative seed": (put("method.seed", -1), "seed must be a whole number from 0"),
    "more starts than ended": (put("method.num_starts", 5), "num_starts=5"),
    "a converged start without a value": (put("diagnostics.start_objective.#", None), "start_obj"),
    "no start converged": (put("diagnostics.start_outcome", [1, 1, 1, 1]), "start_outcome"),
    "an empty doubt": (put("diagnostics.doubts_about_runs", [""]), "doubts_about_runs"),
    "a parameter vanished": (put("diagnostics.vanished", ["A"]), "vanished"),
}  # fmt: skip

BY_STAGES: dict[str, tuple[Change, str]] = {
    "a curve": (scaled("curves.U"), "relative_error|parameters|not finite|finite loss"),
    "a curve removed": (drop("curves.#"), "is missing"),
    "a number of a curve removed": (drop("curves.A.#"), "is missing"),
    "numbers of the paper": (scaled("parameters"), "parameters"),
    "a size": (scaled("diagnostics.N"), "diagnostics.N"),
    "a size removed": (drop("diagnostics.N.#"), "different lengths"),
    "the runs of a size": (put("diagnostics.num_runs.#", 99), "diagnostics.num_runs"),
    "pairs, negative": (put("diagnostics.num_pairs.#", -1), "num_pairs is below 0"),
    "an R² above 1": (put("diagnostics.r_squared.#", 1.2), "r_squared is above 1"),
    "a note removed": (drop("diagnostics.size_note.#"), "different lengths"),
    "a note of a size that was used": (put("diagnostics.size_note.#", "lost"), "disagree"),
    "the ratio of neighbours": (put("diagnostics.ratio", 2.5), "diagnostics.ratio"),
    "repeats": (put("diagnostics.num_repeats", 4), "num_repeats"),
    "other pairs": (put("diagnostics.num_pairs.#", 1), "num_pairs"),
    "a scatter": (put("diagnostics.residual_scatter.#", 1e300), "residual_scatter"),
    "what Stage 3 was fitted to": (scaled("diagnostics.G"), "diagnostics.G|G is below"),
    "an exponent of a round": (put("diagnostics.round_alpha.1", None), "round_alpha"),
    "an end of the rounds": (put("diagnostics.round_beta.2", 0.2), "round_beta"),
    "an error of a round": (put("diagnostics.round_error.#", None), "round_error"),
    "pairs of a fraction": (put("method.min_pairs", 3.03), "min_pairs must be a whole number"),
    "rounds true": (put("method.rounds", True), "rounds must be"),
    "a round removed": (drop("diagnostics.round_alpha.#"), "different lengths"),
}  # fmt: skip

CASES = [("starts", kind) for kind in BY_STARTS] + [("stages", kind) for kind in BY_STAGES]


def test_the_table_has_many_kinds() -> None:
    assert len(CASES) >= 40


@pytest.mark.parametrize(("file", "kind"), CASES, ids=[kind for _, kind in CASES])
def test_a_changed_fit_is_refused(fits: dict[str, Content], file: str, kind: str) -> None:
    change, cause = {**BY_STARTS, **BY_STAGES}[kind]

    @settings(max_examples=2, deadline=None, database=None, derandomize=True)
    @given(st.data())
    def refused(data: st.DataObject) -> None:
        content = copy.deepcopy(fits[file])
        change(content, data)
        with pytest.raises(ValueError, match="was changed after it was written"):
            fj.Fit.from_json(json.dumps(content))
        with pytest.raises(ValueError, match=rf"(?s)the fit is damaged \(.*({cause})") as caught:
            fj.Fit.from_json(json_text(content))  # with a digest of its own
        assert "\n" not in str(caught.value)

    refused()


# Files that are not as JSON should be


def with_version(version: str) -> Callable[[str], str]:
    return lambda text: text.replace('"version": 2', f'"version": {version}', 1)


def with_number(number: str) -> Callable[[str], str]:
    return lambda text: text.replace('"num_left_out": 0', f'"num_left_out": {number}', 1)


TEXTS: dict[str, tuple[Callable[[str], str], str]] = {
    "a version true": (with_version("true"), '"version": 2, a whole number, got True'),
    "a version with a point": (with_version("2.0"), '"version": 2, a whole number, got 2.0'),
    "a version as text": (with_version('"2"'), "a whole number, got '2'"),
    "a version null": (with_version("null"), "a whole number, got None"),
    "a version as a list": (with_version("[2]"), r"a whole number, got \[2\]"),
    "a later version": (with_version("3"), "version 3 .* upgrade farseer_jax"),
    "an earlier version": (with_version("1"), "version 1 .*: fit again"),
    "an endless version": (with_version("1" + 400 * "0"), "number 1000.* range of floating point"),
    "not a number": (with_number("NaN"), "NaN is not a valid JSON number"),
    "infinity": (with_number("Infinity"), "Infinity is not a valid JSON number"),
    "a number above all floats": (with_number("1e999"), "1e999 is beyond the range"),
    "a number of 401 digits": (with_number("1" + 400 * "0"), "1000.* is beyond the range"),
    "a number of 5,000 digits": (with_number(5000 * "7"), "777.* is beyond the range"),
    "a number below all floats": (with_number("-1e999"), "-1e999 is beyond the range"),
    "a key twice": (with_number('0, "num_left_out": 1'), "the key 'num_left_out' appears twice"),
    "deep lists": (with_number(5000 * "[" + 5000 * "]"), "nested too deeply"),
    "less deep lists": (with_number(300 * "[" + 300 * "]"), "nested too deeply"),
    "deep mappings": (with_number(5000 * '{"a":' + "1" + 5000 * "}"), "nested too deeply"),
    "no digest": (lambda text: text.replace('"digest"', '"was"'), 'has no "digest".*fit again'),
    "another digest": (lambda text: text.replace("sha256:", "sha256:0"), "was changed after"),
    "another hash": (lambda text: text.replace("sha256:", "md5:"), "was changed after"),
    "a digest that is a number": (
        lambda text: json.dumps({**json.loads(text), "digest": 1}),
        "was changed after",
    ),
    "another format": (lambda text: text.replace("farseer_jax.fit", "fit"), "expected a fit file"),
    "half a file": (lambda text: text[: len(text) // 2], "is not valid JSON .* truncated"),
    "something after it": (lambda text: text + "{}", "is not valid JSON"),
    "nothing": (lambda text: "", "is not valid JSON"),
    "Python, not JSON": (lambda text: str(json.loads(text)), "is not valid JSON"),
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_malformed_file_is_refused(fits: dict[str, Content], kind: str) -> None:
    change, cause = TEXTS[kind]
    text = json_text(fits["starts"])
    with pytest.raises(ValueError, match=cause) as caught:
        fj.Fit.from_json(change(text))
    assert change(text) != text
    assert len(str(caught.value).splitlines()) == 1


@given(st.data())
@settings(max_examples=25, deadline=None, database=None, derandomize=True)
def test_any_change_of_a_byte_is_noticed(fits_text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(fits_text) - 1))
    own = data.draw(st.characters(codec="utf-8"))
    text = fits_text[:at] + own + fits_text[at + 1 :]
    try:
        same = json.loads(text, parse_int=float) == json.loads(fits_text, parse_int=float)
    except (ValueError, RecursionError):
        same = False
    if same:  # such as 1 for 1.0, or another space
        assert fj.Fit.from_json(text).to_json() == fits_text
        return
    with pytest.raises((ValueError, FileNotFoundError)):
        fj.Fit.from_json(text)


@pytest.fixture(scope="module")
def fits_text(fits: dict[str, Content]) -> str:
    return json_text(fits["starts"])


# Files that are written in another way, and say the same


def as_whole(value: Any) -> Any:
    """Floats that are whole numbers without their point, as many programs write them."""
    if isinstance(value, dict):
        return {key: as_whole(own) for key, own in value.items()}
    if isinstance(value, list):
        return [as_whole(own) for own in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.parametrize("file", ["starts", "stages"])
def test_another_layout_is_read(fits: dict[str, Content], file: str) -> None:
    expected = json_text(fits[file])
    content = json.loads(expected)
    for text in (
        json.dumps(content, indent=4),
        json.dumps(content, separators=(",", ":")),
        json.dumps(content, sort_keys=True),
        json.dumps(content, ensure_ascii=True),
        json.dumps(as_whole(content)),
    ):
        assert fj.Fit.from_json(text).to_json() == expected


def test_arguments_keep_their_order_where_keys_lose_theirs() -> None:
    P, D = np.geomspace(1e8, 1e9, 6), np.geomspace(1e10, 1e11, 6)
    table = {"P": P, "D": D, "loss": 1.5 + 30.0 / P**0.2 + 1e-4 * np.sin(D)}
    found = fj.fit("E + A/P**alpha + 0*D", table, method=fj.LeastSquares(num_starts=2))
    names = list(type(found.law).inputs())
    again = fj.Fit.from_json(json.dumps(json.loads(found.to_json()), sort_keys=True))
    assert list(type(again.law).inputs()) == names
    at = [{"P": 2e9, "D": 3e11}[name] for name in names]
    assert again.predict(*at) == found.predict(*at)


def test_the_digest_is_that_of_the_content() -> None:
    content = {"b": [1, 2.5, None, True, "é"], "a": {"x": -0.0}}
    assert digest_of(content) == digest_of(json.loads(json_text(content)))
    assert digest_of(content) == digest_of({"a": {"x": -0.0}, "b": [1.0, 2.5, None, True, "é"]})
    for other in ([1, 2.5, None, 1, "é"], [1, 2.5, None, True, "e"], [1, 2.5, 0, True, "é"], []):
        assert digest_of({**content, "b": other}) != digest_of(content)


# Other results


def intervals_of(lower: list[float], upper: list[float]) -> fj.Intervals:
    return fj.Intervals(
        quantity="loss",
        at={"N": np.array([1e9, 2e9]), "D": np.array([1e11] * 2)},
        estimate=np.array([0.5, 0.45]),
        lower=np.array(lower),
        upper=np.array(upper),
        level=0.9,
        kind="calibrated",
        scheme="residual",
        seed=0,
        num_resamples=100,
        num_failed=0,
    )


@pytest.fixture(scope="module")
def results() -> dict[str, tuple[type, Content]]:
    intervals = intervals_of([0.49, 0.44], [0.51, 0.46])
    noise = fj.estimate_noise(fj.example_runs(noise=1e-3))
    points = fj.Prediction({"N": np.array([1e9, 2e9])}, np.array([2.0, 1.9]), np.array([2.1, 1.8]))
    made = {"intervals": intervals, "noise": noise, "prediction": points}
    return {name: (type(own), json.loads(own.to_json())) for name, own in made.items()}


OF_RESULTS: dict[str, tuple[str, Change, str]] = {
    "an array of objects": ("noise", put("fields.sizes.dtype", "|O"), "dtype"),
    "an array of records": ("noise", put("fields.sizes.dtype", "i4,f8"), "dtype"),
    "an array of dates": ("noise", put("fields.sizes.dtype", "<M8[s]"), "dtype"),
    "an array of endless texts": ("noise", put("fields.sizes.dtype", "<U99999999"), "dtype"),
    "a dtype that is a list": ("noise", put("fields.sizes.dtype", [["a", "f8"]]), "dtype"),
    "a shape of another size": ("noise", put("fields.sizes.shape", [1000000000000]), "values"),
    "a negative shape": ("noise", put("fields.sizes.shape", [-1]), "values"),
    "a shape as text": ("noise", put("fields.sizes.shape", "12"), "lists"),
    "a value as text": ("noise", put("fields.sizes.values.#", "a"), "expected a number"),
    "a value true": ("noise", put("fields.sizes.values.#", True), "expected a number"),
    "a value null": ("noise", put("fields.sizes.values.#", None), "expected a number"),
    "a value removed": ("noise", drop("fields.sizes.values.#"), "values"),
    "a value scaled": ("noise", scaled("fields.sizes.values"), "sizes"),
    "a row removed": ("noise", drop("sizes.#"), "sizes has"),
    "a value of a row": ("noise", put("sizes.#.N", 1.0), "sizes.*the rest of the file gives"),
    "a field removed": ("noise", drop("fields.#"), "missing|required|parts"),
    "no fields": ("noise", drop("fields"), "its fields by name"),
    "fields as a list": ("noise", put("fields", [1]), "its fields by name"),
    "an estimate scaled": (
        "intervals",
        scaled("fields.estimate.values"),
        "intervals.*rest of the file gives",
    ),
    "a level above 1": ("intervals", put("fields.level", 1.5), "level"),
    "a level as text": ("intervals", put("fields.level", "0.9"), "level|expected a number"),
    "a lower end as upper end": (
        "intervals",
        put("fields.lower.values.#", 0.9),
        "lower lies above",
    ),
    "observed losses of another length": (
        "prediction",
        put("fields.observed", {"dtype": "<f8", "shape": [1], "values": [2.1]}),
        "parts",
    ),
}


@pytest.mark.parametrize("kind", OF_RESULTS)
def test_a_changed_result_is_refused(results: dict[str, tuple[type, Content]], kind: str) -> None:
    file, change, cause = OF_RESULTS[kind]
    made, intact = results[file]

    @settings(max_examples=2, deadline=None, database=None, derandomize=True)
    @given(st.data())
    def refused(data: st.DataObject) -> None:
        content = copy.deepcopy(intact)
        change(content, data)
        with pytest.raises(ValueError, match="was changed after it was written"):
            made.from_json(json.dumps(content))  # type: ignore[attr-defined]
        with pytest.raises(ValueError, match=rf"damaged.*({cause})"):
            made.from_json(json_text(content))  # type: ignore[attr-defined]

    refused()


def test_a_lower_end_above_the_upper_one_is_refused() -> None:
    text = intervals_of([0.52, 0.44], [0.51, 0.46]).to_json()
    with pytest.raises(ValueError, match=r"lower lies above its upper end\); write it again"):
        fj.Intervals.from_json(text)


# No file can run code

UNSAFE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__", "allow_pickle"} | {
    f"{module}.{name}"
    for module, names in {
        "yaml": ("load", "unsafe_load", "full_load"),
        "np": ("load", "loadtxt", "genfromtxt"),
        "pd": ("read_pickle", "read_hdf"),
    }.items()
    for name in names
}


def called(node: ast.AST) -> set[str]:
    """Modules that a node imports, or the function that it calls, and flags for pickles."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        return {(node.module or "").partition(".")[0]}
    if not isinstance(node, ast.Call):
        return set()
    flags = {own.arg for own in node.keywords if own.arg == "allow_pickle"}
    return {ast.unparse(node.func), *filter(None, flags)}


def test_nothing_reads_files_that_can_run_code() -> None:
    """No module of the package unpickles, or evaluates text."""
    found = []
    sources = sorted(Path(fj.__file__).parent.rglob("*.py"))
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            bad = called(node) & (UNSAFE | UNSAFE_CALLS)
            found += [f"{path.name}:{getattr(node, 'lineno', 0)}: {own}" for own in sorted(bad)]
    assert len(sources) > 100
    assert found == []
