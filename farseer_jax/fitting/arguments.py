"""What the entry points take, in the forms that users have it."""

from pathlib import Path
from typing import Any

from farseer_jax.fitting.registry import METHODS
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.methods._method import Method
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.monotone.method import MonotoneOver
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.runs.runs import Runs


def as_runs(runs: object, argument: str = "runs") -> Runs:
    """Runs, or a table that names their columns.

    Raises:
        TypeError: it is neither; the message names the argument.
    """
    if isinstance(runs, Runs):
        return runs
    refuse_what_holds_runs(runs, argument)
    try:
        return Runs.from_dataframe(runs)
    except TypeError as error:
        raise TypeError(f"{argument}: expected Runs, or {without_verb(error)}") from None


def refuse_what_holds_runs(runs: object, argument: str) -> None:
    """Refuse a path to a table, and a result that has runs, with the way to what is meant.

    Raises:
        TypeError: it is one of these; the message names the argument.
    """
    if isinstance(runs, str | Path):
        raise TypeError(
            f"{argument}: expected Runs or a table, got the path {str(runs)!r}: read it with "
            "read_runs(path)"
        )
    if isinstance(getattr(runs, "runs", None), Runs):
        kind = type(runs).__name__
        raise TypeError(f"{argument}: expected Runs or a table, got a {kind}: give its .runs")


def without_verb(error: Exception) -> str:
    """What a message expected, to go on in another sentence."""
    return str(error).removeprefix("expected ")


def as_method(method: Any, law: object) -> Method:
    """The method; by default the piecewise one for Farseer, least squares for other laws."""
    known: bool = isinstance(method, tuple(METHODS.values()))
    if known:
        return method  # they say themselves which laws they fit
    if method is not None and (isinstance(method, type) or not isinstance(method, Method)):
        own = ", ".join(f"`{kind.__name__}(…)`" for kind in METHODS.values())
        raise TypeError(
            f"method must be one of {own}, or an object with the methods of `Method`, "
            f"got {method!r}"
        )
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(f"law must be a law's class such as `Chinchilla`, got {_kind(law)}")
    if method is not None:
        return method
    return Piecewise() if law is Farseer else LeastSquares()


def held_over(method: Method, domain: Any) -> MonotoneOver:
    """A method held over a domain, ``((N_low, N_high), (D_low, D_high))``.

    Raises:
        ValueError: the domain is none.
        TypeError: the method is held over one already.
    """
    try:
        N, D = domain
    except (TypeError, ValueError):
        raise ValueError(
            "monotone_over: give ((N_low, N_high), (D_low, D_high)), such as "
            f"((2e8, 1e12), (1e9, 1e14)); got {domain!r}"
        ) from None
    return MonotoneOver(method, N=N, D=D)


def _kind(law: object) -> str:
    """What was given in place of a law's class."""
    if isinstance(law, Law):
        return f"one of its laws, a {type(law).__name__}: give `{type(law).__name__}`"
    return repr(law)
