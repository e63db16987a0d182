"""The choice of forms: the paper's tables, recovery, plain NumPy, transformations of one's own."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import farseer_jax as fj
from farseer_jax.diagnostics.size_table import SizeTable
from farseer_jax.diagnostics.transforms import TRANSFORMS
from farseer_jax.plots import plot_forms

IDENTITY, LOG, POWER = TRANSFORMS


@pytest.fixture(scope="module")
def runs(shared_data: Path) -> fj.Runs:
    """The paper's 20 sizes that are fitted."""
    return fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8, max_N=5.36e9)


@pytest.fixture(scope="module")
def real(runs: fj.Runs) -> fj.FormChoice:
    return fj.choose_forms(runs)


@pytest.fixture(scope="module")
def known() -> fj.FormChoice:
    """Of 20 sizes as well, which share their compiled shapes: a law without noise."""
    return fj.choose_forms(fj.example_runs(noise=0.0).select(max_N=5.36e9))


# The paper's tables


def test_table_2(real: fj.FormChoice) -> None:
    """Stretched exponentials 0.1127 (paper: 0.1125), and the other three rows above.

    The paper's 'Power' of an untransformed value is a power law, as the errors say: the line
    through B itself is off by 28 %. Its rows 0.1148 and 0.1306 come out as a power law of A and of
    B; the paper's table has these two the other way round.
    """
    forms = {
        name: (real.form("A", name), real.form("B", name)) for name in ("log/power", "log/log")
    }

    def error(A: str, B: str) -> float:
        return forms[A][0].relative_error + forms[B][1].relative_error

    found = [
        error("log/power", "log/power"),
        error("log/log", "log/power"),
        error("log/power", "log/log"),
        error("log/log", "log/log"),
    ]
    np.testing.assert_allclose(found, [0.1127, 0.1135, 0.1288, 0.1297], rtol=0, atol=0.00006)
    np.testing.assert_allclose(found, [0.1125, 0.1148, 0.1306, 0.1322], rtol=0, atol=0.0026)
    assert real.form("B", "identity/power").relative_error > 0.25


def test_the_page_shows_these_tables(real: fj.FormChoice) -> None:
    labels = {"stretched exponential": "log/power", "power law": "log/log"}
    page = (Path(__file__).parents[1] / "docs" / "forms.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    shown = [row for row in rows if row and row[0] in labels]
    assert [len(row) for row in shown] == [4] * 4 + [3] * 2
    for *names, here, _ in shown:
        curves = "AB" if len(names) == 2 else "U"
        forms = [real.form(c, labels[name]) for c, name in zip(curves, names, strict=True)]
        assert f"{sum(form.relative_error for form in forms):.4f}" == here
    in_text = float(real.pairs[0].relative_error), real.best_U.relative_error
    assert f"({in_text[0]:.4f} in sum) and for U(N) ({in_text[1]:.4f})" in " ".join(page.split())


def test_by_fitted_error_alone_a_constant_ties_and_hold_outs_decide(real: fj.FormChoice) -> None:
    """Of the whole dictionary, log/power of both is second by 1e-4, and first held out."""
    (first, second), held_out = real.pairs[:2], min(real.pairs, key=lambda p: p.held_out_error)
    assert (first.A.label, first.B.label) == ("identity/power", "log/power")
    assert (second.A.label, second.B.label) == ("log/power", "log/power")
    assert second.relative_error - first.relative_error == pytest.approx(1e-4, abs=0.5e-4)
    assert held_out is second
    assert "A(N): log/power (stretched exponential) predicts held-out sizes" in str(real)


def test_table_3(real: fj.FormChoice) -> None:
    """Stretched exponential 0.0010, power law 0.0073 (paper: 0.0011 and 0.0083)."""
    stretched, power = real.form("U", "log/power"), real.form("U", "log/log")
    assert stretched.relative_error == pytest.approx(0.0010, abs=0.00005)
    assert power.relative_error == pytest.approx(0.0073, abs=0.00005)
    constant = real.form("U", "identity/power")  # the dictionary has one more that is as good
    assert constant.relative_error == pytest.approx(stretched.relative_error, abs=1e-4)
    assert power.held_out_error > 20 * stretched.held_out_error


def test_curves_are_those_of_the_fits_stages(runs: fj.Runs, real: fj.FormChoice) -> None:
    stages = fj.fit(fj.Farseer, runs).diagnostics
    assert isinstance(stages, fj.Diagnostics)
    for name, values in (("A", stages.A), ("B", stages.B), ("U", stages.G)):
        np.testing.assert_array_equal(real.values[name], values)
        for form in real.forms[name]:
            error = np.abs(form.curve / values - 1).mean()
            assert form.relative_error == pytest.approx(error, rel=1e-9)


# Against plain NumPy


def box_cox(z: np.ndarray, p: float) -> np.ndarray:
    return z if p == 0 else np.expm1(p * z) / p


def test_a_dense_grid_finds_nothing_better(real: fj.FormChoice) -> None:
    z = np.log(real.N / np.exp(np.log(real.N).mean()))
    for name in ("A", "B", "U"):
        values = real.values[name]
        scale = np.exp(np.log(values).mean())
        for of_value, inverse in (("identity", lambda y: y), ("log", np.exp)):
            y = values / scale if of_value == "identity" else np.log(values / scale)
            best = np.inf
            for p in np.arange(-1000, 1001) / 1000:
                x = box_cox(z, p)
                slope, level = np.polyfit(x, y, 1)
                error = np.abs(inverse(slope * x + level) / (values / scale) - 1).mean()
                best = min(best, error)
            found = real.form(name, f"{of_value}/power").relative_error
            assert found <= best * (1 + 1e-4)
            assert found >= best * (1 - 2e-2)


def test_lines_without_exponents_are_numpys(real: fj.FormChoice) -> None:
    pivot = np.exp(np.log(real.N).mean())
    for name, values in real.values.items():
        form = real.form(name, "log/log")
        slope, level = np.polyfit(np.log(real.N / pivot), np.log(values), 1)
        assert form.slope == pytest.approx(slope, rel=1e-10)
        assert form.level + np.log(form.spec.scale) == pytest.approx(level, rel=1e-10)
        residual = np.log(values) - level - slope * np.log(real.N / pivot)
        assert form.squared_error == pytest.approx((residual**2).sum(), rel=1e-9)


def test_held_out_error_by_hand(real: fj.FormChoice) -> None:
    log_N, log_B = np.log(real.N), np.log(real.values["B"])
    errors = []
    for k in range(1, real.num_held_out + 1):
        slope, level = np.polyfit(log_N[:-k], log_B[:-k], 1)
        errors.append(np.abs(np.exp(slope * log_N[-k:] + level - log_B[-k:]) - 1).mean())
    assert real.num_held_out == 5
    assert real.form("B", "log/log").held_out_error == pytest.approx(np.mean(errors), rel=1e-9)


# Recovery


def test_the_form_of_a_known_law_is_found(known: fj.FormChoice) -> None:
    """The example's curves are stretched exponentials."""
    for criterion_error in ("relative_error", "held_out_error"):
        best = min(known.pairs, key=lambda pair: getattr(pair, criterion_error))
        assert (best.A.label, best.B.label) == ("log/power", "log/power")
        of_U = min(known.forms["U"], key=lambda form: getattr(form, criterion_error))
        assert of_U.label == "log/power"
    law = fj.example_law()
    assert known.best_U.N_exponent == pytest.approx(float(law.U.exponent), abs=0.02)
    assert known.mean_relative_error < 5e-4


@settings(max_examples=12)
@given(st.sampled_from(["A", "B", "U"]), st.floats(-0.4, 0.4), st.floats(-0.8, -0.1))
def test_exact_curves_are_recovered(curve: str, p: float, slope: float) -> None:
    N = 1e8 * 1.2 ** np.arange(20)
    z = np.log(N / np.exp(np.log(N).mean()))
    values = {"A": 0.3, "B": 2e3, "U": 0.5}[curve] * np.exp(slope * box_cox(z, p))
    keep = np.arange(20) < np.array([[20], [15]])
    lines = SizeTable(N, keep, (IDENTITY, LOG), TRANSFORMS).search(np.tile(values, (2, 1)))
    assert lines.error[:, 1, 2].max() < 1e-5
    np.testing.assert_allclose(lines.N_exponent[0, 1, 2], p, atol=1e-3)
    np.testing.assert_allclose(lines.slope[0, 1, 2], slope, rtol=1e-3)
    np.testing.assert_allclose(lines.curve[1, 1, 2], values, rtol=1e-3)


def test_the_second_search_does_not_compile(known: fj.FormChoice) -> None:
    from farseer_jax.diagnostics.form_search import search_forms

    before = search_forms.num_kept
    fj.choose_forms(fj.example_runs(noise=1e-3, seed=3).select(max_N=5.36e9))
    assert search_forms.num_kept == before


# The law of the best forms


def test_the_law_is_the_curves(known: fj.FormChoice) -> None:
    runs = fj.example_runs(noise=0.0).select(max_N=5.36e9)
    with jax.enable_x64(True):
        U, B, A = (np.asarray(curve) for curve in known.law.of_size(jnp.asarray(known.N)))
        loss = np.asarray(known.law(runs.N, runs.D))
    np.testing.assert_allclose(A, known.best.A.curve, rtol=1e-9)
    np.testing.assert_allclose(B, known.best.B.curve, rtol=1e-9)
    size = np.searchsorted(known.N, runs.N)
    data_term = B[size] * runs.D ** -A[size]
    np.testing.assert_allclose(loss, U[size] + data_term, rtol=1e-12)
    assert np.abs(loss / runs.loss - 1).mean() == pytest.approx(known.mean_relative_error, rel=1e-6)
    # U goes through what these very curves leave
    G = np.bincount(size, runs.loss - data_term) / np.bincount(size)
    assert np.abs(U / G - 1).mean() < 2e-4


def test_the_law_can_be_fitted_to_all_runs_at_once(known: fj.FormChoice) -> None:
    runs = fj.example_runs(noise=0.0).select(max_N=5.36e9)
    refitted = fj.fit(type(known.law), runs, fj.LeastSquares(num_starts=3))
    assert refitted.mean_relative_error < min(known.mean_relative_error, 1e-6)
    assert float(refitted.predict(25.1e9, 5e11)) == pytest.approx(
        float(fj.example_law()(25.1e9, 5e11)), rel=1e-4
    )


# Transformations of one's own, and what comes out


def test_transformations_of_ones_own_and_exponents_of_values() -> None:
    """``1/(1 + value)`` against ``ln(1 + N/1e9)``: found where values are such a curve."""
    shifted = fj.Transform("shifted", lambda N: jnp.log1p(N / 1e9), lambda y: 1e9 * jnp.expm1(y))
    N = 1e8 * 1.2 ** np.arange(20)
    values = np.exp(0.3 - 0.4 * np.log1p(N / 1e9))
    keep = np.arange(20) < 20 - np.arange(6)[:, None]
    transforms = (LOG, shifted, POWER)
    lines = SizeTable(N, keep, transforms, transforms).search(np.tile(values, (6, 1)))
    assert lines.error.shape == (6, 3, 3)
    assert lines.error[0, 0, 1] < 1e-12
    assert lines.error[0, 0, 2] > 1e-4
    np.testing.assert_allclose(lines.curve[:, 0, 1], np.tile(values, (6, 1)), rtol=1e-10)
    assert lines.slope[0, 0, 1] == pytest.approx(-0.4, rel=1e-9)
    # a power of the value has the log as a special case
    assert (lines.error[:, 2] <= lines.error[:, 0] * (1 + 1e-6) + 1e-12).all()


def test_sizes_without_a_value_take_no_part() -> None:
    N = 1e8 * 1.2 ** np.arange(20)
    values = 3.0 * N**-0.2
    broken = values.copy()
    broken[[2, 7, 19]] = [np.nan, -1.0, np.nan]
    keep = np.arange(20) < 20 - np.arange(6)[:, None]
    table = SizeTable(N, keep, (IDENTITY, LOG), TRANSFORMS)
    (form,) = [f for f in table.forms(broken) if f.label == "log/log"]
    assert form.relative_error < 1e-12
    assert form.held_out_error < 1e-12
    np.testing.assert_allclose(form.curve, values, rtol=1e-12)


def test_transforms_undo_themselves() -> None:
    x = jnp.asarray([0.2, 1.0, 3.0])
    with jax.enable_x64(True):
        for transform in TRANSFORMS:
            for p in (-0.7, 0.0, 1e-14, 0.4):
                exponent = jnp.asarray(p)
                there = transform.undo(transform.apply(x, exponent), exponent)
                np.testing.assert_allclose(there, x, rtol=1e-6)
        assert np.isnan(POWER.undo(jnp.asarray(-3.0), jnp.asarray(0.5)))


def test_text_table_and_json(known: fj.FormChoice) -> None:
    text = str(known)
    assert "ranked by relative error" in text
    assert "… and 28 more" in text
    assert "stretched exponential, stretched exponential" in text
    assert known.warnings == ()
    table = known.to_dataframe()
    assert len(table) == 36 + 6
    assert table.relative_error[:36].is_monotonic_increasing
    assert table.A[0] == table.U[36] == "log/power"
    content = json.loads(json.dumps(known.to_dict(), allow_nan=False))
    assert content["best"] == {"A": "log/power", "B": "log/power", "U": "log/power"}
    assert content["forms"]["U"][0]["N_exponent"] == pytest.approx(known.best_U.N_exponent)
    assert "U log/power" in repr(known)
    edge = dataclasses.replace(known.forms["U"][0], at_edge=True)
    warned = dataclasses.replace(known, forms={**known.forms, "U": (edge,)})
    assert "is at an end of its range" in str(warned)
    with pytest.raises(KeyError, match="unknown form 'log/root'"):
        known.form("A", "log/root")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"transforms": [LOG, LOG]}, "transforms: the name 'log' is given twice"),
        ({"transforms": [POWER]}, "transforms: all have exponents, .* value_exponents=True"),
        ({"transforms": []}, "transforms: expected at least one"),
        ({"criterion": "squared"}, "criterion: expected 'relative' or 'held-out', got 'squared'"),
        ({"num_held_out": 0}, "num_held_out: expected 1 to 16 of the 20 sizes, got 0"),
        ({"num_held_out": 17}, "num_held_out: .*, got 17"),
    ],
)
def test_misuse(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fj.choose_forms(fj.example_runs(noise=0.0).select(max_N=5.36e9), **given)


def test_too_few_sizes_and_bad_transforms() -> None:
    with pytest.raises(ValueError, match="at least 5 sizes with an A_N and a B_N, got 4"):
        fj.choose_forms(fj.example_runs(noise=0.0).select(max_N=3.5e8))
    with pytest.raises(ValueError, match="name: expected a word"):
        fj.Transform("a/b", jnp.sqrt, jnp.square)
    with pytest.raises(ValueError, match="exponents: expected an ascending range"):
        fj.Transform("q", jnp.sqrt, jnp.square, exponents=(1.0, 0.0))


def test_figure(known: fj.FormChoice) -> None:
    from matplotlib import pyplot as plt

    made = plot_forms(known)
    for i, curve in enumerate("ABU"):
        dots = np.asarray(made[i].collections[-1].get_offsets())
        np.testing.assert_allclose(dots, np.stack([known.N, known.values[curve]], axis=1))
        by_label = {line.get_label(): line for line in made[i].lines}
        best = known.forms[curve][0]
        (line,) = (by for label, by in by_label.items() if str(label).startswith(best.name + " ("))
        x, y = np.asarray(line.get_data())
        assert len(x) == 100  # a curve between few sizes is no polyline of theirs
        np.testing.assert_allclose(y[[0, -1]], best.curve[[0, -1]])
        between = np.exp(np.interp(np.log(known.N), np.log(x), np.log(y)))
        np.testing.assert_allclose(between, best.curve, rtol=1e-3)
        errors = [np.asarray(line.get_ydata()) for line in made[i + 3].lines[1:]]
        expected = 100 * (best.curve / known.values[curve] - 1)
        np.testing.assert_allclose(errors[-1], expected, rtol=1e-9)
    with pytest.raises(ValueError, match="axes: expected 6, got 3"):
        plot_forms(known, axes=made[:3])
    _, own = plt.subplots(2, 3)
    assert plot_forms(known, axes=own.ravel()) == tuple(own.ravel())
    plt.close("all")
