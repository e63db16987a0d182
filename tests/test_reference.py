"""The reference itself: it must recover a law that it is given without noise."""

import numpy as np
import pytest
from reference import Curve, Reference, fit_reference, refined

PIVOT = 1e9


@pytest.mark.parametrize("exponents", [(0.15, -0.16, 0.05), (0.0, 0.0, 0.0)])
@pytest.mark.parametrize("rounds", [2, "joint"])
def test_noise_free_law_is_recovered(exponents: tuple[float, ...], rounds: int | str) -> None:
    U = Curve(-0.8, -0.12, exponents[0], PIVOT)
    B = Curve(4.9, -1.1, exponents[1], PIVOT)
    A = Curve(-1.18, -0.2, exponents[2], PIVOT)
    N, D = (
        axis.ravel() for axis in np.meshgrid(2e8 * 2.0 ** np.arange(6), 1e9 * 2 ** np.arange(8.0))
    )
    law = Reference(N, N, N, [], N, N, A, B, U)
    found = fit_reference(N, D, law.predict(N, D), ratio=(1.5, 3), rounds=rounds)
    np.testing.assert_allclose(found.A_N, A(found.sizes), rtol=1e-9)
    np.testing.assert_allclose(found.B_N, B(found.sizes), rtol=1e-9)
    np.testing.assert_allclose(found.predict(4e9, 1e12), law.predict(4e9, 1e12), rtol=1e-7)
    assert [found.U.p, found.B.p, found.A.p] == pytest.approx(exponents, abs=1e-5)


def test_refined_search_ends_where_the_derivative_is_zero() -> None:
    assert refined()(lambda p: (p - 0.123456789) ** 2 + 1) == pytest.approx(0.123456789, abs=1e-15)
    assert refined()(lambda p: np.exp(p)) == -0.5
