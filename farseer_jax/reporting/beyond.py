"""How far a point lies beyond the runs, in words."""

from collections.abc import Mapping

import numpy as np


def beyond_text(runs: Mapping[str, np.ndarray], point: Mapping[str, float], distance: float) -> str:
    """Which inputs of a point lie outside the runs' range, and by which factor.

    Args:
        runs: the numbers among the inputs of the runs, ``(run,)`` each.
        point: their values at the point.
        distance: of the point from the runs; 0 if it lies among them.

    Example:
        >>> runs = {"N": np.array([1e8, 1e9]), "D": np.array([1e10, 1e11])}
        >>> beyond_text(runs, {"N": 2e9, "D": 5e10}, 0.7)
        "beyond the runs: N 2 times the runs' largest"
        >>> beyond_text(runs, {"N": 1e9, "D": 1e10}, 0.3)
        "outside the runs' range of N and D together, though within that of each"
        >>> beyond_text(runs, {"N": 3e8, "D": 3e10}, 0.0)
        'within the runs'
    """
    if not distance:
        return "within the runs"
    found = []
    for name, own in runs.items():
        low, high, value = float(own.min()), float(own.max()), point[name]
        if value > high:
            times = f"{value / high:.3g} times" if high > 0.0 else "above"
            found.append(f"{name} {times} the runs' largest")
        elif value < low:
            times = f"{low / value:.3g} times " if value > 0.0 else ""
            found.append(f"{name} {times}below the runs' smallest")
    if found:
        return f"beyond the runs: {', '.join(found)}"
    return (
        f"outside the runs' range of {' and '.join(runs)} together, though within that of each"
        if runs
        else "outside the runs"
    )
