"""What is compiled once serves every table of its kind: a wait that people meet once."""

from functools import cache

import jax
import numpy as np
import pytest
from compiling import compilations

from farseer_jax import (
    Chinchilla,
    Farseer,
    LeastSquares,
    Piecewise,
    Runs,
    bootstrap,
    build_design,
    example_law,
    example_runs,
    fit,
    fit_batch,
    simulate,
)
from farseer_jax.methods.piecewise.kernel import law_of, solve_block, solve_jit
from farseer_jax.methods.piecewise.layout import Layout, gather_padded, layout_of
from farseer_jax.runtime.arrays import to_numpy
from farseer_jax.runtime.compiler_options import accepted


def with_repeats() -> Runs:
    """Another table: other sizes and D, every run twice with other losses."""
    N, D = np.meshgrid(3e8 * 1.7 ** np.arange(6), 2e9 * 2.0 ** np.arange(7), indexing="ij")
    twice = np.repeat(N.ravel(), 2), np.repeat(D.ravel(), 2)
    return simulate(example_law(), *twice, noise=3e-4, seed=2)


@cache
def tables() -> dict[str, Runs]:
    runs = example_runs()
    return {
        "all": runs,
        "a limit": runs.select(max_N=3e9),
        "a fold": runs.select(mask=np.arange(len(runs)) % 5 != 0),
        "a removal": runs.select(mask=np.arange(len(runs)) != 100),
        "few sizes": runs.select(min_N=1e9, max_N=2.5e9),
        "another table": with_repeats(),
    }


@pytest.mark.parametrize("law", [Farseer, Chinchilla])
def test_no_other_table_compiles_a_fit_anew(law: type[Farseer] | type[Chinchilla]) -> None:
    fit(law, tables()["all"], Piecewise())
    for name, runs in tables().items():
        with compilations() as events:
            fit(law, runs, Piecewise())
        assert not events, name


@pytest.mark.parametrize("method", [Piecewise(rounds=1), Piecewise(rounds=3, min_pairs=9)])
def test_other_numbers_of_rounds_and_pairs_compile_nothing(method: Piecewise) -> None:
    runs = tables()["all"]
    fit(Farseer, runs, Piecewise())
    with compilations() as events:
        found = fit(Farseer, runs, method)
    assert not events
    prepared = method.prepare(Farseer, runs)
    own = method.suited_to(prepared)[0]
    with jax.enable_x64(True):  # the kernel of these very numbers
        alone = to_numpy(jax.jit(own.solve)(prepared.design, runs.loss, np.ones(len(runs))))
        expected = np.asarray(law_of(prepared.design, alone)(runs.N, runs.D))
    np.testing.assert_allclose(found.predict(runs.N, runs.D), expected, rtol=1e-11)
    assert len(found.diagnostics.round_alpha) == method.rounds + 1
    np.testing.assert_allclose(
        found.diagnostics.round_alpha[1:], alone.data_term.rounds.alpha[1:], rtol=1e-8
    )


def test_no_other_table_compiles_a_bootstrap_anew() -> None:
    bootstrap(fit(Farseer, tables()["all"]), 64).interval(25.1e9, 5e11)
    for name in ("a limit", "another table"):
        with compilations() as events:
            bootstrap(fit(Farseer, tables()[name]), 100).interval(25.1e9, 5e11, kind="calibrated")
            fit_batch(Farseer, tables()[name], weights=1 - np.eye(len(tables()[name])))
        assert not events, name


@pytest.mark.parametrize(
    ("num_sizes", "num_slots", "shape"),
    [(3, 2, (21, 18)), (21, 18, (21, 18)), (22, 18, (28, 18)), (29, 30, (38, 32))],
)
def test_few_layouts(num_sizes: int, num_slots: int, shape: tuple[int, int]) -> None:
    N, D = np.meshgrid(
        2e8 * 1.2 ** np.arange(num_sizes), 1e9 * 2.0 ** np.arange(num_slots), indexing="ij"
    )
    runs = simulate(example_law(), N.ravel(), D.ravel(), seed=0)
    design = build_design(runs)
    layout = layout_of(design)
    assert layout.log_D.shape == shape
    assert layout.N.shape == shape[:1]
    assert layout.pair_ok.shape == (shape[0], shape[1] - 1)
    weights = np.random.default_rng(0).uniform(0.5, 1.0, len(runs))
    gathered = gather_padded(design, layout, runs.loss, weights)
    of_runs = np.asarray(gathered.weight[:num_sizes, :num_slots])
    np.testing.assert_array_equal(of_runs, weights.reshape(num_sizes, num_slots))
    assert np.sum(gathered.weight) == pytest.approx(weights.sum(), rel=1e-14)
    assert layout.pair_ok.sum() == design.pair_ok.sum()


@pytest.mark.parametrize("name", ["few sizes", "another table"])
def test_padding_changes_nothing_but_last_digits(name: str) -> None:
    runs, method = tables()[name], Piecewise()
    prepared = method.prepare(Farseer, runs)
    design = prepared.design
    exact = Layout(design.N, design.log_pivot, design.log_D, design.pair_ok)
    assert exact.log_D.size < prepared.layout.log_D.size / 3
    weights = np.random.default_rng(1).uniform(0.0, 2.0, (2, len(runs)))
    options = method.suited_to(prepared)[0]
    with jax.enable_x64(True):
        for layout in (exact, prepared.layout):
            gathered = gather_padded(design, layout, np.stack([runs.loss] * 2), weights)
            block = law_of(design, to_numpy(solve_block(layout, gathered, options)))
            alone = gather_padded(design, layout, runs.loss, weights[0])
            one = law_of(design, to_numpy(solve_jit(layout, alone, options)))
            predicted = [block(runs.N[:, None], runs.D[:, None]).T, one(runs.N, runs.D)[None]]
            found = np.concatenate(predicted)
            if layout is exact:
                expected = found
        np.testing.assert_allclose(found, expected, rtol=1e-11)
        np.testing.assert_allclose(found[2], found[0], rtol=1e-11)


@pytest.mark.parametrize(
    ("law", "method"), [(Farseer, Piecewise()), (Chinchilla, LeastSquares("huber"))]
)
def test_a_few_refits_are_those_of_a_batch_and_compile_nothing_new(
    law: type[Farseer] | type[Chinchilla], method: Piecewise | LeastSquares
) -> None:
    fit(law, tables()["all"], method)
    runs = tables()["a limit"]
    weights = (runs.N <= np.array([[1e9], [2e9], [3e9]])).astype(float)
    weights[2, ::7] = 0.5
    with compilations() as events:
        few = fit_batch(law, runs, weights=weights, method=method, few=True)
    assert not events
    usual = fit_batch(law, runs, weights=weights, method=method)
    np.testing.assert_array_equal(few.outcome_code, usual.outcome_code)
    # an objective that is lowest to 1e-13 leaves its parameters free to about the root of that
    np.testing.assert_allclose(few.mean_relative_error, usual.mean_relative_error, rtol=1e-6)
    at = runs.N[:, None], runs.D[:, None]
    np.testing.assert_allclose(few.predict(*at), usual.predict(*at), rtol=1e-6)


@pytest.mark.parametrize("objective", ["absolute", "asymmetric"])
def test_a_few_refits_by_kinked_objectives_reach_the_optimum(objective: str) -> None:
    runs, method = tables()["few sizes"], LeastSquares(objective, num_starts=8)
    weights = np.random.default_rng(0).poisson(1.0, (2, len(runs))).astype(float)
    few, usual = (
        fit_batch(Chinchilla, runs, weights=weights, method=method, few=own)
        for own in (True, False)
    )
    np.testing.assert_array_equal(few.outcome_code, usual.outcome_code)
    at = runs.N[:, None], runs.D[:, None]
    np.testing.assert_allclose(few.predict(*at), usual.predict(*at), rtol=1e-6)


@pytest.mark.parametrize(
    ("version", "known"), [("0.10.2", True), ("0.11.0", False), ("0.12.0.1", False)]
)
def test_options_that_a_jaxlib_no_longer_knows_are_left_out(version: str, known: bool) -> None:
    options = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_prefer_vector_width": 512}
    found = accepted(options, version)
    assert found.pop("xla_cpu_use_fusion_emitters", True) != known
    assert found == {"xla_cpu_prefer_vector_width": 512}


def test_a_jaxlib_that_nobody_has_tried_gets_no_options() -> None:
    assert accepted({"xla_cpu_prefer_vector_width": 512}, "1.0.0") == {}
