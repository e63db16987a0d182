"""The step of each row, from a column of steps or of tokens."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.survey.named_units import unit_of_column
from farseer_jax.tables.number_texts import numbers_of
from farseer_jax.tables.row_numbers import REMEDY, shown_rows

_TOO_MANY: Final = 2e7  # steps: larger numbers are probably tokens or samples
_MOST_STEPS: Final = 100_000  # into which tokens are divided if the batch size is not known


class StepUnit(NamedTuple):
    """What is counted: steps, or so many tokens each where those of a batch are not known."""

    tokens: float | None = None

    def at(self, *steps: float) -> str:
        """Steps as a text.

        Example:
            >>> StepUnit().at(1_500), StepUnit().at(1_500, 2_000), StepUnit(1e5).at(1_500)
            ('step 1,500', 'steps 1,500, 2,000', '150 M tokens')
        """
        if self.tokens is not None:
            shown = ", ".join(quantity_text(step * self.tokens) for step in steps)
            return f"{shown} tokens"
        return f"step{'s' if len(steps) > 1 else ''} {', '.join(f'{own:,.0f}' for own in steps)}"


class StepNumbers(NamedTuple):
    """The step of each row.

    Attributes:
        steps: NaN where it is missing, ``(row,)``.
        note: a sentence on how tokens were counted; empty without.
        unit: what is counted.
    """

    steps: NDArray[np.float64]
    note: str = ""
    unit: StepUnit = StepUnit()


def step_numbers(
    values: Any, name: str, is_tokens: bool, tokens_per_step: float | None
) -> StepNumbers:
    """The step of each row.

    Args:
        values: steps, or tokens with the unit in the column's name, ``(row,)``.
        name: of the column.
        is_tokens: whether it holds tokens.
        tokens_per_step: tokens of a batch.

    Raises:
        ValueError: steps are not whole numbers.

    Example:
        >>> step_numbers(np.array([0.5, 1.0]), "tokens_B", True, 2**19).steps
        array([ 954., 1907.])
    """
    column = numbers_of(values)
    if column.not_numbers.size:
        raise ValueError(
            f"column {name!r}: {shown_rows(column.not_numbers)} hold no number; {REMEDY}"
        )
    numbers = column.numbers
    if (numbers < 0).any():
        raise ValueError(f"column {name!r}: {shown_rows(np.flatnonzero(numbers < 0))} are negative")
    if is_tokens:
        return _of_tokens(numbers * (unit_of_column("D", name, numbers) or 1.0), tokens_per_step)
    if tokens_per_step is not None:
        raise ValueError(
            f"tokens_per_step: column {name!r} holds steps; name the column of the tokens (step=), "
            "or leave tokens_per_step out"
        )
    known = np.isfinite(numbers)
    if not known.any():
        raise ValueError(f"column {name!r} holds no step")
    if numbers[known].max() > _TOO_MANY:
        raise ValueError(
            f"column {name!r} goes to {numbers[known].max():.3g}, too many for training steps; if "
            f"it counts tokens or samples, name it (step=) and give their number per step "
            "(tokens_per_step=)"
        )
    broken = known & (numbers != np.round(numbers))
    if broken.any():
        raise ValueError(
            f"column {name!r}: {shown_rows(np.flatnonzero(broken))} are not whole numbers; "
            "give the step, or name the column of the tokens"
        )
    return StepNumbers(numbers)


def _of_tokens(tokens: NDArray[np.float64], per_step: float | None) -> StepNumbers:
    if per_step is not None:
        if not (np.isfinite(per_step) and per_step > 0):
            raise ValueError(f"tokens_per_step: expected a positive number, got {per_step!r}")
        return StepNumbers(np.round(tokens / per_step))
    most = float(np.nanmax(tokens, initial=1.0))
    unit = float(10.0 ** np.ceil(np.log10(most / _MOST_STEPS)))
    note = (
        f"tokens are divided into steps of {quantity_text(unit)} tokens, because the batch "
        "size is not given (tokens_per_step=)"
    )
    return StepNumbers(np.round(tokens / unit), note, StepUnit(unit))
