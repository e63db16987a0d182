"""The members of a forecast by a law of the user's choice: with correlated errors, and without."""

from collections.abc import Mapping

import numpy as np

from farseer_jax.forecasting.members import Member
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.choose_starts import starts_of
from farseer_jax.methods.end_to_end.layout import build_layout
from farseer_jax.methods.end_to_end.settings import free_of
from farseer_jax.methods.end_to_end.traced_loss import scaled_predictions
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.runs.runs import Runs


def own_law_members(law: type[Law], runs: Runs, method: LeastSquares) -> list[Member]:
    """Two members by a law without priors; starts and fixed parameters are those of the method."""
    layout = build_layout(law, runs, by_curves=False)
    free = free_of(method, layout)
    num = len(law.parameter_names())

    def inputs_of(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(inputs)

    def law_of(parameters: np.ndarray) -> Law:
        return law.from_vector(parameters, layout.center)  # type: ignore[arg-type]

    return [
        Member(
            law.name,
            correlated,
            law.inputs(),
            scaled_predictions(law, runs.link, layout.center),
            inputs_of,
            free.basis,
            free.offset,
            free.lower,
            free.upper,
            starts_of(method, layout, free, method.num_starts),
            np.zeros(num),
            np.full(num, np.inf),
            np.full(num, np.inf),
            law_of,
        )
        for correlated in (True, False)
    ]
