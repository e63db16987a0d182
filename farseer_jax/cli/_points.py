"""Points that options name, and what laws say there."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from farseer_jax.cli._errors import Refusal
from farseer_jax.cli._values import number, pairs

if TYPE_CHECKING:
    from farseer_jax.fitting.prediction import Prediction
    from farseer_jax.fitting.result import Fit


def point(text: str) -> tuple[float, float]:
    """Two positive numbers ``N,D``.

    Raises:
        BadParameter: the text is anything else.
    """
    numbers = [number(part) for part in text.split(",")]
    match numbers:
        case [float(N), float(D)] if N > 0 and D > 0:
            return N, D
    raise click.BadParameter(
        f"{text!r} is no point N,D: two positive numbers with a comma between them and no space, "
        "such as 25.1e9,5e11."
    )


def named_point(text: str) -> dict[str, str]:
    """Two positive numbers ``N,D``, or values of a law's inputs by name, ``N=1e9,P=4``.

    Raises:
        BadParameter: the text is neither.
    """
    if "=" in text:
        return pairs(text, "N=1e9,P=4")
    point(text)
    return dict(zip(("N", "D"), text.split(","), strict=True))


def by_name(points: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """The values of each input at points.

    Raises:
        UsageError: the points name different inputs.
    """
    for other in points[1:]:
        if set(other) != set(points[0]):
            raise click.UsageError(
                f"One --at names {', '.join(points[0])}, another {', '.join(other)}: name the same "
                "inputs."
            )
    return {name: [own[name] for own in points] for name in points[0]}


def predict_points(fit: "Fit", N: list[float], D: list[float]) -> "Prediction":
    """Predictions at points.

    Raises:
        Refusal: the law has no finite loss at one of them.
    """
    import numpy as np

    from farseer_jax import Prediction

    sizes, tokens = np.array([N, D])
    prediction = Prediction({"N": sizes, "D": tokens}, fit.predict(sizes, tokens))
    check_finite(prediction)
    return prediction


def check_finite(prediction: "Prediction") -> None:
    """Refuse predictions that JSON could not hold.

    Raises:
        Refusal: the first point without a finite loss.
    """
    import numpy as np

    bad = np.flatnonzero(~np.isfinite(prediction.predicted))
    if bad.size:
        where = _text({name: values[bad[0]] for name, values in prediction.inputs.items()})
        raise Refusal(f"the fit has no finite loss at {where}; choose less extreme points")


def _text(point: Mapping[str, object]) -> str:
    return ", ".join(
        f"{name}={value}" if isinstance(value, str) else f"{name}={value:g}"
        for name, value in point.items()
    )
