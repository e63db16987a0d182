"""Groups that have too few runs for the laws of an extrapolation, which leaves them out."""

from collections.abc import Callable, Sequence

import numpy as np

from farseer_jax.diagnostics.holdout_split import Split
from farseer_jax.runs.binding import Part


def split_without_small_groups(
    parts: Sequence[Part], split: Callable[[Sequence[Part]], Split], along: str, num_parameters: int
) -> tuple[Split, list[Part], tuple[str, ...]]:
    """Split the runs, without groups whose fitted runs are fewer than a law's parameters.

    Errors are means over all groups, so that one group without a fit would leave none.

    Args:
        parts: the runs of groups and responses.
        split: splits parts into fitted and held-out runs.
        along: what orders the runs.
        num_parameters: the most that a candidate has.

    Returns:
        The split, the parts that are left (all, if all are as small), and a sentence on each
        other.
    """
    kept, left_out = list(parts), list[str]()
    while True:
        found = split(kept)
        last = found.fitted[-1].astype(int)
        cuts = np.cumsum([len(part.runs) for part in kept])[:-1]
        counts = [int(own.sum()) for own in np.split(last, cuts)]
        small = [count < num_parameters for count in counts]
        if all(small) or not any(small):
            return found, kept, tuple(left_out)
        for part, count, is_small in zip(kept, counts, small, strict=True):
            if is_small:
                name = part_text(part, parts)
                left_out.append(_sentence(name, count, along, found.limits[-1], num_parameters))
        kept = [part for part, is_small in zip(kept, small, strict=True) if not is_small]


def part_text(part: Part, parts: Sequence[Part]) -> str:
    """A group, and its response where there are several."""
    names = [f"{name} = {label}" for name, label in part.group.items()]
    several = len({own.response for own in parts}) > 1
    return ", ".join([*names, *([part.response] if several or not names else [])])


def _sentence(name: str, count: int, along: str, limit: float, num_parameters: int) -> str:
    runs = "1 run" if count == 1 else f"{count or 'no'} runs"
    return (
        f"{name} was left out of all errors: it has {runs} up to the largest limit ({along} = "
        f"{limit:.4g}), and a candidate has {num_parameters} parameters; add runs to it, give "
        "larger limits, or candidates with fewer parameters"
    )
