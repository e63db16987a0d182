"""What a law over other inputs than N and D gets: bootstrap, error bars, influence, figures."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj
from farseer_jax.methods.derivatives import NoDerivativeError
from farseer_jax.plots import plot_fit, plot_influence, plot_residuals
from farseer_jax.uncertainty.bootstrap import resamples
from farseer_jax.uncertainty.resampling import Setting
from farseer_jax.uncertainty.schemes_by_name import as_scheme

STREAMS = "N, P | E + (A/(N*(k*log(P) + 1)))**alpha"
AT = {"N": [1e9, 3e9], "P": [4.0, 2.0]}
POINT = {"N": 1e9, "P": 4.0}


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")


@cache
def streams(path: Path) -> fj.Fit:
    table = pd.read_csv(path / "named_inputs" / "parallel.csv")
    found: fj.Fit = fj.fit(STREAMS, table[table["corpus"] == "pile"])
    return found


@pytest.fixture
def fitted(shared_data: Path) -> fj.Fit:
    return streams(shared_data)


class Line(fj.Law):
    """Linear in both inputs: every figure of it is one of linear regression."""

    a: fj.Real
    b: fj.Real
    c: fj.Real

    def loss(self, x: fj.Real, y: fj.Real) -> jax.Array:
        return self.a + self.b * x + self.c * y


@cache
def line(weighted: bool = False) -> fj.Fit:
    """A line through negative responses, on their own scale."""
    rng = np.random.default_rng(4)
    inputs = {"x": rng.normal(size=30), "y": rng.normal(size=30)}
    loss = -3.0 + 0.5 * inputs["x"] - 0.2 * inputs["y"] + 0.1 * rng.normal(size=30)
    weights = rng.uniform(0.2, 3.0, size=30) if weighted else None
    kinds = {"x": "real", "y": "real"}
    runs = fj.Runs(loss=loss, inputs=inputs, kinds=kinds, link="identity", weights=weights)
    found: fj.Fit = fj.fit(Line, runs)
    return found


MIX = np.array([0.4, -0.3, 0.8])


class Blend(fj.Law):
    """A sum along a mixture, and a term of N."""

    C: Annotated[fj.Real, fj.Along("h")]
    A: fj.Positive
    alpha: fj.Exponent

    def loss(self, h: fj.Mixture, N: Any) -> jax.Array:
        return jnp.sum(self.C * h, -1) + self.A / N**self.alpha


@cache
def blend(seed: int = 2) -> fj.Fit:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet([2.0, 2.0, 2.0], 40)
    sizes = np.tile(np.geomspace(1e8, 1e10, 5), 8)
    loss = (1.2 + shares @ MIX + 300 / sizes**0.3) * np.exp(0.003 * rng.normal(size=40))
    columns = dict(zip(("web", "code", "books"), shares.T, strict=True))
    runs = fj.Runs(N=sizes, loss=loss, inputs={"h": columns}, kinds={"h": "mixture"})
    found: fj.Fit = fj.fit(Blend, runs)
    return found


FITS: dict[str, Callable[[], fj.Fit]] = {
    "line": line,
    "weighted line": lambda: line(weighted=True),
    "blend": blend,
}


def points_of(fit: fj.Fit) -> dict[str, np.ndarray]:
    """Two points, away from the runs by a little."""
    return {name: values[:2] for name, values in type(fit.law).columns(fit.runs).items()}


def with_weights(runs: fj.Runs, weights: np.ndarray, loss: np.ndarray | None = None) -> fj.Runs:
    shares = {
        name: dict(zip(runs.shares[name], runs.inputs[name].T, strict=True)) for name in runs.shares
    }
    return fj.Runs(
        loss=runs.loss if loss is None else loss,
        inputs={**runs.inputs, **shares},
        kinds=dict(runs.kinds),
        link=runs.link,
        weights=weights,
    )


def own_weights(runs: fj.Runs) -> np.ndarray:
    return np.ones(len(runs)) if runs.weights is None else np.asarray(runs.weights)


def regression(fit: fj.Fit) -> tuple[np.ndarray, np.ndarray, float]:
    """Design, weights and residual spread of :class:`Line`, in NumPy."""
    runs = fit.runs
    design = np.stack([np.ones(len(runs)), runs.inputs["x"], runs.inputs["y"]], axis=1)
    weights = np.ones(len(runs)) if runs.weights is None else np.asarray(runs.weights)
    root = np.sqrt(weights)
    solution = np.linalg.lstsq(design * root[:, None], runs.loss * root, rcond=None)[0]
    np.testing.assert_allclose(fit.law.to_vector(), solution, atol=1e-8)
    squares = np.sum(weights * (runs.loss - design @ solution) ** 2)
    return design, weights, float(np.sqrt(squares / (len(runs) - 3)))


# Bootstrap


@pytest.mark.parametrize("scheme", ["wild", "residual", "parametric", "runs", "bayesian"])
@pytest.mark.parametrize("name", FITS)
def test_draws_are_single_fits(name: str, scheme: str) -> None:
    fit, num = FITS[name](), 3
    own = fj.bootstrap(fit, num, scheme, seed=7)
    draw = resamples(as_scheme(scheme), Setting.of(fit), 7, 0, num)
    found = own.predict(**points_of(fit))
    for i in range(num):
        weights = own_weights(fit.runs) * (1.0 if draw.weights is None else draw.weights[i])
        loss = fit.runs.loss if draw.losses is None else draw.losses[i]
        runs = with_weights(fit.runs, weights, loss)
        single = fj.fit(_law(fit), runs, fit.method)
        np.testing.assert_allclose(found[i], single.predict(**points_of(fit)), rtol=1e-8)


def _law(fit: fj.Fit) -> Any:
    return {"Line": Line, "Blend": Blend}[fit.law.name]


def test_draws_of_an_expression_are_single_fits(fitted: fj.Fit) -> None:
    own = fj.bootstrap(fitted, 3, "wild", seed=7)
    draw = resamples(as_scheme("wild"), Setting.of(fitted), 7, 0, 3)
    assert draw.losses is not None
    for loss, found in zip(draw.losses, own.predict(**AT), strict=True):
        single = fj.fit(STREAMS, fitted.runs.with_loss(loss))
        np.testing.assert_allclose(found, single.predict(**AT), rtol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_parametric_bootstrap_of_a_line_is_linear_regression(weighted: bool) -> None:
    """Draws are normal about the estimate: their percentiles are the interval of the textbook."""
    fit = line(weighted)
    design, weights, spread = regression(fit)
    own = fj.bootstrap(fit, 4000, "parametric", seed=1)
    covariance = spread**2 * np.linalg.inv(design.T @ (design * weights[:, None]))
    expected = float(np.sqrt(np.array([1.0, 0.4, -1.0]) @ covariance @ [1.0, 0.4, -1.0]))
    assert own.standard_error(x=0.4, y=-1.0) == pytest.approx(expected, rel=0.05)
    found = own.interval(x=0.4, y=-1.0, level=0.9)
    assert found.kind == "percentile"
    assert found.note == "assuming that the law is true"
    half = 1.645 * expected
    np.testing.assert_allclose(
        [found.lower[0], found.upper[0]], found.estimate[0] + [-half, half], atol=0.1 * half
    )
    run = own.interval(x=0.4, y=-1.0, of="run", kind="normal")
    np.testing.assert_allclose(
        run.upper - run.estimate, 1.645 * np.hypot(expected, spread), rtol=0.03
    )


def test_percentile_intervals_cover() -> None:
    """In 60 worlds of one truth, as often as chance allows: P(fewer than 47) is 0.2 %."""
    truth, base = Line(a=-3.0, b=0.5, c=-0.2), line().runs
    x, y = base.inputs["x"], base.inputs["y"]
    inside, rng = 0, np.random.default_rng(5)
    for _ in range(60):
        loss = np.asarray(truth(x=x, y=y)) + 0.1 * rng.normal(size=len(x))
        own = fj.bootstrap(fj.fit(Line, base.with_loss(loss)), 199, "parametric")
        found = own.interval(x=0.4, y=-1.0, level=0.9)
        inside += int(found.lower[0] <= float(truth(x=0.4, y=-1.0)) <= found.upper[0])
    assert 47 <= inside


def test_draws_do_not_depend_on_chunks_devices_or_resumption(tmp_path: Path) -> None:
    fit = blend()
    whole = fj.bootstrap(fit, 40, seed=3)
    path = tmp_path / "draws.parquet"
    fj.bootstrap(fit, 16, seed=3, out=path, chunk_size=5)
    kept = fj.bootstrap(fit, 40, seed=3, out=path, resume=True, chunk_size=7)
    again = fj.Bootstrap.from_parquet(path, Blend)
    for own in (kept, again, fj.bootstrap(fit, 40, seed=3, chunk_size=9)):
        for leaf, expected in zip(
            jax.tree.leaves(own.laws), jax.tree.leaves(whole.laws), strict=True
        ):
            np.testing.assert_array_equal(leaf, expected)
    assert whole.laws.C.shape == (40, 3)  # type: ignore[attr-defined]
    columns = pd.read_parquet(path).columns
    assert ["C[web]", "C[code]", "C[books]", "A", "alpha"] == columns[3:].tolist()


def test_draws_of_other_inputs_weights_or_links_are_not_resumed(tmp_path: Path) -> None:
    fit, path = line(), tmp_path / "draws.parquet"
    fj.bootstrap(fit, 4, out=path)
    runs = fit.runs
    moved = {"x": runs.inputs["x"], "y": runs.inputs["y"] + 1e-12}
    others = [
        fj.Runs(loss=runs.loss, inputs=moved, kinds=dict(runs.kinds), link="identity"),
        with_weights(runs, np.linspace(1.0, 2.0, len(runs))),
        with_weights(runs, np.ones(len(runs)), -runs.loss),
    ]
    for other in others:
        with pytest.raises(ValueError, match="was begun with other runs"):
            fj.bootstrap(fj.fit(Line, other), 4, out=path, resume=True)


def test_sizes_are_those_of_N_or_runs() -> None:
    assert fj.bootstrap(blend(), scheme="jackknife-sizes").num_resamples == 5
    assert fj.bootstrap(line(), scheme="jackknife-sizes").num_resamples == 30


def test_points_have_a_column_for_each_share_and_labels_of_categories() -> None:
    found = fj.bootstrap(blend(), 20).interval(N=[1e9, 2e9], h=[0.5, 0.3, 0.2])
    assert list(found.at) == ["web", "code", "books", "N"]
    np.testing.assert_array_equal(found.at["code"], [0.3, 0.3])
    assert found.to_dict()["intervals"][1]["N"] == 2e9
    rng = np.random.default_rng(0)
    arm, sizes = np.tile(["a", "b"], 12), np.repeat(np.geomspace(1e8, 1e10, 12), 2)
    loss = 1.5 + 100 / sizes**0.25 + 0.3 * (arm == "b") + 0.002 * rng.normal(size=24)
    runs = fj.Runs(N=sizes, loss=loss, inputs={"arm": arm}, kinds={"arm": "category"})
    fit = fj.fit("N, arm | A/N**alpha + sum(F[arm]*arm)", runs, kinds={"arm": "category"})
    labels = fj.bootstrap(fit, 20).interval(N=1e9, arm=["a", "b"])
    assert labels.at["arm"].tolist() == ["a", "b"]
    assert labels.estimate[1] - labels.estimate[0] == pytest.approx(0.3, abs=0.01)
    assert labels.to_dict()["intervals"][1]["arm"] == "b"
    assert "arm" in str(labels)


def test_points_beyond_the_runs_in_any_input_are_warned_of() -> None:
    own = fj.bootstrap(line(), 40)
    assert own.interval(x=0.0, y=0.0).warnings == ()
    assert "lies beyond the runs" in own.interval(x=0.0, y=9.0).warnings[0]
    assert "lies beyond the runs" in fj.error_bars(line()).interval(x=9.0, y=0.0).warnings[0]


def test_calibration_is_of_N_and_D_and_logs() -> None:
    with pytest.raises(ValueError, match="but this law has inputs x, y"):
        fj.bootstrap(line(), 10).interval(x=0.0, y=0.0, kind="calibrated")
    runs = fj.example_runs()
    positive = fj.Runs(runs.N, runs.D, runs.loss, link="identity")
    own = fj.bootstrap(fj.fit(fj.Chinchilla, positive), 10)
    assert own.interval(1e9, 1e11).kind == "percentile"


# Error bars and influence


@pytest.mark.parametrize("weighted", [False, True])
def test_error_bars_of_a_line_are_those_of_linear_regression(weighted: bool) -> None:
    fit = line(weighted)
    design, weights, spread = regression(fit)
    inverse = np.linalg.inv(design.T @ (design * weights[:, None]))
    at = np.array([1.0, 0.4, -1.0])
    delta = np.sqrt(spread**2 * at @ inverse @ at)
    np.testing.assert_allclose(fj.error_bars(fit).standard_error(x=0.4, y=-1.0), delta, rtol=1e-9)
    residual = weights * (fit.runs.loss - design @ np.asarray(fit.law.to_vector()))
    moves = design @ inverse @ at * residual
    sandwich = fj.error_bars(fit, "sandwich").standard_error(x=0.4, y=-1.0)
    np.testing.assert_allclose(sandwich, np.sqrt(30 / 27 * np.sum(moves**2)), rtol=1e-6)
    jackknife = fj.error_bars(fit, "jackknife").standard_error(x=0.4, y=-1.0)
    np.testing.assert_allclose(jackknife, np.sqrt(np.sum(moves**2)), rtol=1e-6)


def test_error_bars_are_the_delta_method(fitted: fj.Fit) -> None:
    """From the Jacobian by central differences: residuals are of logarithms."""
    names, law = type(fitted.law).parameter_names(), type(fitted.law)
    best = np.array([float(getattr(fitted.law, name)) for name in names])

    def log_loss(values: np.ndarray, N: Any, P: Any) -> np.ndarray:
        with jax.enable_x64(True):
            built = law(**dict(zip(names, values, strict=True)))
            return np.log(np.asarray(built(N=N, P=P)))

    def slopes(N: Any, P: Any) -> np.ndarray:
        columns = []
        for i, value in enumerate(best):
            step = np.zeros(len(best))
            step[i] = 1e-5 * value
            high, low = log_loss(best + step, N, P), log_loss(best - step, N, P)
            columns.append((high - low) / 2e-5)  # by ln of the parameter
        return np.stack(columns, axis=-1)

    N, P = fitted.runs.inputs["N"], fitted.runs.inputs["P"]
    jacobian = slopes(N, P)
    residual = np.log(fitted.runs.loss) - log_loss(best, N, P)
    variance = residual @ residual / (len(residual) - len(best))
    at = slopes(1e9, 4.0)
    expected = np.sqrt(variance * at @ np.linalg.inv(jacobian.T @ jacobian) @ at)
    found = fj.error_bars(fitted).standard_error(**POINT) / fitted.predict(**POINT)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("name", FITS)
def test_influence_is_refits_without_each_run(name: str) -> None:
    fit = FITS[name]()
    point = {key: value[0] for key, value in points_of(fit).items()}
    found = fj.influence(fit, at=point)
    weights = own_weights(fit.runs)
    for i in (0, 7, 20):
        kept = np.where(np.arange(len(weights)) == i, 0.0, weights)
        single = fj.fit(_law(fit), with_weights(fit.runs, kept), fit.method)
        change = float(single.predict(**point)) - found.value
        np.testing.assert_allclose(found.change_if_removed[i], change, rtol=1e-5, atol=3e-8)
    assert any("run-to-run noise cannot be estimated" in sentence for sentence in found.warnings)
    assert set(found.to_dict()["runs"][0]) >= {"change_per_noise", "change_if_removed"}


def test_influence_of_a_law_that_is_linear_is_exact() -> None:
    fit = line(weighted=True)
    design, weights, spread = regression(fit)
    at = np.array([1.0, 0.4, -1.0])
    rows = (
        at @ np.linalg.inv(design.T @ (design * weights[:, None])) @ (design * weights[:, None]).T
    )
    found = fj.influence(fit, at={"x": 0.4, "y": -1.0})
    np.testing.assert_allclose(found.noise, spread / np.sqrt(weights), rtol=1e-9)
    np.testing.assert_allclose(found.change_per_noise, rows * found.noise, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(found.spread_of_noise, fj.error_bars(fit).standard_error(0.4, -1.0))
    hat = np.sum(design @ np.linalg.inv(design.T @ (design * weights[:, None])) * design, 1)
    residual = fit.runs.loss - design @ np.asarray(fit.law.to_vector())
    removed = -rows * residual / (1 - weights * hat)
    np.testing.assert_allclose(found.change_if_removed, removed, rtol=1e-6, atol=3e-8)


def test_differences_of_two_fits_are_on_the_links_scale() -> None:
    fit = line()
    other = fj.fit(Line, fit.runs.with_loss(fit.runs.loss + 0.01))
    found = fj.influence(fit, at={"x": 0.0, "y": 0.0}, against=other)
    assert found.quantity == "loss − other loss"
    assert found.value == pytest.approx(-0.01, abs=1e-6)
    assert found.is_difference


@pytest.mark.parametrize("name", FITS)
def test_gradients_are_finite_differences(name: str) -> None:
    fit = FITS[name]()
    refit, weights = fj.differentiable(fit), own_weights(fit.runs)
    point = {key: value[0] for key, value in points_of(fit).items()}

    def loss(losses: Any, own: Any) -> Any:
        return refit(losses, own).loss(**point)

    with jax.enable_x64(True):
        both = jax.jit(jax.grad(loss, argnums=(0, 1)))
        by_losses, by_weights = map(np.asarray, both(fit.runs.loss, weights))
    rng = np.random.default_rng(1)
    for by, of_weights in ((by_losses, False), (by_weights, True)):
        direction = rng.normal(size=len(weights)) * (1e-4 if of_weights else 1e-5)
        ends = []
        for sign in (1.0, -1.0):
            step = sign * direction
            runs = with_weights(
                fit.runs,
                weights + step * of_weights,
                fit.runs.loss + step * (not of_weights),
            )
            ends.append(float(fj.fit(_law(fit), runs, fit.method).predict(**point)))
        np.testing.assert_allclose(by @ direction, (ends[0] - ends[1]) / 2, rtol=1e-3, atol=1e-9)


def test_a_parameter_that_is_idle_on_its_bound_has_no_derivative() -> None:
    """The bound lies where the optimum is without it: the parameter moves one way alone."""
    bounds = {"c": (float(line().law.c), 1.0)}  # type: ignore[attr-defined]
    fit = fj.fit(Line, line().runs, fj.LeastSquares(bounds=bounds))
    with pytest.raises(
        NoDerivativeError, match="'c' lies on its bound, but the objective does not push"
    ):
        fj.influence(fit, at={"x": 0.0, "y": 0.0})


def test_a_parameter_pressed_to_its_bound_stays_there() -> None:
    """As in the law without it: the derivatives are those of the parameters that are left."""
    fit = fj.fit(Line, line().runs, fj.LeastSquares(bounds={"c": (0.0, 1.0)}))
    without = fj.fit("x | a + b*x", line().runs, real=["a", "b"])
    own = fj.error_bars(fit, "jackknife").standard_error(x=0.4, y=0.7)
    expected = fj.error_bars(without, "jackknife").standard_error(x=0.4)
    np.testing.assert_allclose(own, expected, rtol=1e-6)


def test_parameters_that_the_runs_do_not_determine_have_no_derivative() -> None:
    fit = fj.fit("x, y | a + d + b*x + c*y", line().runs, real=["a", "b", "c", "d"])
    with pytest.raises(NoDerivativeError, match=r"the runs do not determine it|condition number"):
        fj.influence(fit, at={"x": 0.0, "y": 0.0})


class Looped(fj.Law):
    """A product by a loop, which JAX differentiates forward alone."""

    A: fj.Positive
    alpha: fj.Exponent

    def loss(self, N: Any) -> jax.Array:
        def body(state: tuple[Any, Any]) -> tuple[Any, Any]:
            return state[0] + 1, state[1] * self.A

        product = jax.lax.while_loop(lambda s: s[0] < 2, body, (0, jnp.ones_like(self.A)))[1]
        return product / N**self.alpha


def test_an_operation_without_derivative_is_refused_by_the_fit_itself() -> None:
    runs = fj.Runs(N=[1e8, 2e8, 4e8], loss=[3.0, 2.8, 2.7], inputs={})
    with pytest.raises(ValueError, match=r"the law Looped: .*differentiation does not work for"):
        fj.fit(Looped, runs)


@pytest.mark.parametrize(
    ("at", "error", "message"),
    [
        ({"x": 1.0}, TypeError, "the law Line has the inputs x, y; got x"),
        ((1.0, 2.0), ValueError, r"at: expected the law's inputs by name, at=\{'x': …, 'y': …\}"),
        ({"x": [1.0, 2.0], "y": 0.0}, ValueError, "at: expected one point, got 2"),
        ({"x": np.nan, "y": 0.0}, ValueError, "x: values must be finite"),
    ],
)
def test_points_of_influence_are_checked(at: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fj.influence(line(), at=at)


# Residuals


def test_residuals_are_on_the_links_scale(fitted: fj.Fit) -> None:
    fit = line()
    found = fj.diagnose_residuals(fit)
    expected = np.asarray(fit.predict(**fit.runs.inputs)) - fit.runs.loss
    np.testing.assert_allclose(found.residual, expected, atol=1e-12)
    assert "residuals of 30 runs, predicted − observed" in str(found)
    assert found.noise is None
    assert np.isnan(found.misfit)
    own = fj.diagnose_residuals(fitted)
    logs = np.log(np.asarray(fitted.predict(**fitted.runs.inputs)) / fitted.runs.loss)
    np.testing.assert_allclose(own.residual, logs, atol=1e-12)
    assert own.against["N"].group.tolist() == [1.0, 2.0, 4.0]  # of each P
    assert "along N, within each P" in str(own)
    assert list(own.to_dataframe())[:4] == ["row", "N", "P", "loss"]


def test_patterns_are_found_among_runs_that_are_equal_otherwise() -> None:
    """A bowl in x that the line lacks: neighbours in x are alike, those in y are not."""
    x, y = (values.ravel() for values in np.meshgrid(np.linspace(-1, 1, 9), np.arange(8.0)))
    loss = 0.3 * x + 0.1 * y + x**2 + 0.01 * np.random.default_rng(0).normal(size=len(x))
    kinds = {"x": "real", "y": "real"}
    runs = fj.Runs(loss=loss, inputs={"x": x, "y": y}, kinds=kinds, link="identity")
    found = fj.diagnose_residuals(fj.fit(Line, runs))
    assert found.against["x"].mean_p_value < 1e-3
    assert found.against["y"].mean_p_value > 0.01


# What is about N and D


def test_what_needs_N_and_D_says_so(fitted: fj.Fit) -> None:
    refits = fj.bootstrap(fitted, 5)
    law, runs = type(fitted.law), fitted.runs
    asked: list[Callable[[], object]] = [
        lambda: fj.allocate(fitted, 1e21),
        lambda: refits.allocation(1e21),
        lambda: fj.error_bars(fitted).allocation(1e21),
        lambda: fj.compare_fits(fitted, fitted),
        lambda: fj.suggest_runs(fitted, compute=1e22, budget=1e21, pool=runs, cost="N*P"),
        lambda: fj.compare_choices(fitted, 1e9, 1e11),
        lambda: fj.check_shape(fitted, N=(1e8, 1e9), D=(1e9, 1e10)),
        lambda: fj.combine_intervals([refits, refits], 1e9, 1e11),
        lambda: fj.fit(law, runs, monotone_over=((1e8, 1e9), (1e9, 1e10))),
        lambda: fj.influence(fitted, at=1e21, of="tokens_per_parameter"),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match="N and D, and the law expression has the inputs N, P"):
            ask()
    for about in (fj.analyse_differences, fj.choose_forms):
        with pytest.raises(ValueError, match="over N and D alone, got the inputs N, P"):
            about(runs)


def test_inputs_in_another_order_are_refused_where_order_counts() -> None:
    swapped = fj.fit("D, N | E + B/D**beta + A/N**alpha", fj.example_runs())
    usual = fj.fit("N, D | E + A/N**alpha + B/D**beta", fj.example_runs())
    with pytest.raises(ValueError, match="name them in this order, as in 'N, D"):
        fj.allocate(swapped, 1e21)
    ends = [fj.bootstrap(fit, 20).predict(N=1e9, D=1e11) for fit in (swapped, usual)]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-6)


def test_methods_of_logarithms_refuse_other_links() -> None:
    runs = fj.example_runs()
    runs = fj.Runs(runs.N, runs.D, runs.loss, link="identity")
    for law, method in ((fj.Farseer, fj.Piecewise()), (fj.Chinchilla, fj.IsoFLOP())):
        with pytest.raises(ValueError, match="fits the logarithms of positive losses"):
            fj.fit(law, runs, method)


# Figures


def test_figures_of_fits_over_other_inputs(fitted: fj.Fit) -> None:
    axes = plot_fit(fitted)
    assert (axes.get_xlabel(), axes.get_xscale()) == ("parameters N", "log")
    assert len(axes.lines) == 3  # one of each P
    for curve, P in zip(axes.lines, (1.0, 2.0, 4.0), strict=True):
        N, loss = (np.asarray(v, float) for v in curve.get_data())
        np.testing.assert_allclose(loss, fitted.predict(N=N, P=P), rtol=1e-12)
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["P 1", "P 2", "P 4"]
    with pytest.raises(ValueError, match="held_out: only for the figure of one fit over N and D"):
        plot_fit(fitted, fitted.runs)
    fit = line()  # of more values than lines can show
    axes = plot_fit(fit)
    dots = np.concatenate([np.asarray(own.get_offsets()) for own in axes.collections])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("observed loss", "fitted loss")
    fitted_losses = fit.predict(**fit.runs.inputs)
    expected = np.stack([fit.runs.loss, fitted_losses], axis=1)
    np.testing.assert_allclose(dots[np.argsort(dots[:, 0])], expected[np.argsort(fit.runs.loss)])
    assert plot_influence(fj.influence(fitted, at=POINT)).get_ylabel() == "parallel streams P"
    residuals = plot_residuals(fj.diagnose_residuals(line()), against="y")
    assert (residuals.get_xlabel(), residuals.get_ylabel()) == ("y", "predicted − observed")


def test_a_figure_of_several_fits_has_a_colour_for_each(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "named_inputs" / "finetuning.csv")
    table = table[table["model"] == table["model"][0]]
    fits = fj.fit("examples | E + B/(D0 + examples**beta)", table, by="dataset")
    axes = plot_fit(fits)
    assert len(axes.lines) == len(fits) == 3
    legend = axes.get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {"flan", "gigaword", "wikiword"}
