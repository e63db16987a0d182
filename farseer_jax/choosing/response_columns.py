"""Which columns of a table hold losses, when no response is named."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from farseer_jax.choosing.column_values import is_text, some_numbers
from farseer_jax.runs.columns import same_column
from farseer_jax.runs.find_columns import match_columns, usual_columns

_LOSS_NAMES = re.compile(r"(^loss[_ ].+)|(.+[_ ]loss$)", re.IGNORECASE)
_NOT_LOSSES = re.compile(
    r"(^|[_ ])(scale|scaling|weight|coef|coefficient|se|sem|std|sd|stderr|err|error)$",
    re.IGNORECASE,
)


def responses_among(
    columns: Mapping[str, np.ndarray], response: str | Sequence[str] | None
) -> tuple[str, ...]:
    """The responses: those named, else the loss, else all losses by their names.

    Args:
        columns: of the table.
        response: names or patterns; None finds them. Empty if there is no loss.

    Raises:
        ValueError: a response that is named is not there.
    """
    if response is not None:
        return tuple(match_columns(list(columns), response, "as a response"))
    if "loss" in columns:
        return ("loss",)
    names = [name for name in columns if not is_text(columns[name])]
    names += [n for n in columns if n not in names and some_numbers(columns[n])]
    names = [name for name in columns if name in names]
    usual, training = usual_columns("loss", names)
    if len(usual) == 1:
        return (usual[0],)
    found = [n for n in names if _LOSS_NAMES.match(n) and not _NOT_LOSSES.search(n)]
    of_data = [name for name in found if name not in training]
    return tuple(of_data or found or usual)


def other_losses(columns: Mapping[str, np.ndarray], response: str) -> list[str]:
    """Other columns that match the loss."""
    best, less = usual_columns("loss", [name for name in columns if name != response])
    return [own for own in (*best, *less) if not same_column(columns[own], columns[response])]
