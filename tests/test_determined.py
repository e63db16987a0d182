"""What the runs do not determine is said first, and what they do is not."""

import numpy as np
import pytest

import farseer_jax as fj

TWO_SIZES = {
    "N": [2e8] * 4 + [8e8] * 4,
    "D": [1e9, 4e9, 16e9, 64e9] * 2,
    "loss": [3.543, 3.142, 2.871, 2.686, 3.310, 2.912, 2.640, 2.457],
}


def first_warning(law: object, table: object, **options: object) -> str:
    method = fj.LeastSquares(num_starts=16)
    return next(iter(fj.fit(law, table, method, **options).warnings), "")


def test_two_terms_that_are_one_are_named() -> None:
    found = first_warning("E + F + A/N**alpha + B/D**beta", fj.example_runs())
    assert found.startswith("the runs do not determine E and F: other values fit them as well")


def test_two_sizes_do_not_determine_an_exponent_of_size() -> None:
    found = first_warning(fj.Chinchilla, TWO_SIZES)
    assert found.startswith("the runs do not determine E, A and alpha")


def test_the_remedy_works() -> None:
    fixed = fj.LeastSquares(num_starts=16, fixed={"alpha": 0.3})
    assert not any("determine" in w for w in fj.fit(fj.Chinchilla, TWO_SIZES, fixed).warnings)
    tied = fj.LeastSquares(num_starts=16, tied=[("alpha", "beta")])
    assert not any("determine" in w for w in fj.fit(fj.Chinchilla, TWO_SIZES, tied).warnings)


def test_an_input_that_does_not_vary_leaves_its_parameter_open() -> None:
    N = np.geomspace(1e8, 1e10, 8)
    table = {"N": N, "P": np.full(8, 2.0), "loss": 1.5 + 300 / N**0.3}
    found = first_warning("N, P | E + (A/(N*(k*log(P)+1)))**alpha", table)
    assert found.startswith("the runs do not determine A and k")


@pytest.mark.parametrize("law", ["E + A/N**a + B/D**b", fj.Chinchilla, fj.Kaplan, fj.Coupled])
def test_a_grid_determines_the_usual_laws(law: object) -> None:
    assert "determine" not in first_warning(law, fj.example_runs())
