"""How much memory a computation may take: blocks of rows × starts, and refusals ahead."""

import os
from pathlib import Path
from typing import Final

BUDGET: Final = 256 << 20  # bytes of the working arrays of all blocks that are computed at once
_LIMITS = (  # of the processes of a container; version 2 of control groups, and version 1
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


class TooLargeError(MemoryError, ValueError):
    """A computation that cannot be done in blocks, and needs more memory than there is."""


def block_length(bytes_of_one: float, *, at_once: int = 1) -> int:
    """How many rows, starts, resamples or members a block may have; at least one.

    Args:
        bytes_of_one: of the working arrays that one of them needs.
        at_once: blocks computed at the same time, such as one per thread; they share the budget.
    """
    return max(1, int(BUDGET / at_once / max(bytes_of_one, 1.0)))


def blocks(num: int, bytes_of_one: float, *, at_once: int = 1) -> list[slice]:
    """Slices of ``range(num)`` whose lengths are that of a block, or differ from it by one.

    Args:
        num: how many rows, starts, resamples or members there are.
        bytes_of_one: of the working arrays that one of them needs.
        at_once: blocks computed at the same time.
    """
    return even_slices(num, -(-num // block_length(bytes_of_one, at_once=at_once)))


def even_slices(num: int, count: int) -> list[slice]:
    """Slices of ``range(num)`` whose lengths differ by one at most."""
    return [slice(num * k // count, num * (k + 1) // count) for k in range(count)]


def require(num_bytes: float, what: str, remedy: str) -> None:
    """Refuse what cannot be done in blocks before its memory is asked for.

    Args:
        num_bytes: what it needs at once.
        what: what needs it, such as ``"the matrix of 100,000 × 100,000 runs"``.
        remedy: what would fit.

    Raises:
        TooLargeError: it needs more than the memory of this machine, or of this container.
    """
    limit = total()
    if num_bytes > limit:
        raise TooLargeError(
            f"{what} needs about {text(num_bytes)} of memory, but there are only {text(limit)}; "
            f"{remedy}"
        )


def total() -> float:
    """Bytes of memory of this machine, or of this container if it has less."""
    found = [_limit(path) for path in _LIMITS]
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        found.append(float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE"))
    return min(found)


def _limit(path: Path) -> float:
    """A limit of control groups; infinite where there is none."""
    try:
        return float(path.read_text())
    except (OSError, ValueError):  # no control groups; the word max
        return float("inf")


def text(num_bytes: float) -> str:
    """``41 GB``, ``1.2 GB`` or ``300 MB``."""
    unit, name = (1e9, "GB") if num_bytes >= 1e9 else (1e6, "MB")
    size = num_bytes / unit
    return f"{size:,.1f} {name}" if size < 10 else f"{size:,.0f} {name}"
