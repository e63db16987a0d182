"""Checks of the arguments of ``optimise``: names of inputs, given values, bounds, constraints."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.discrete_inputs import OptimisationProblem
from farseer_jax.decisions.input_constraints import (
    Constraint,
    Cost,
    cost_of,
    inequality,
    limited,
)
from farseer_jax.decisions.optimal_inputs import Optima
from farseer_jax.decisions.search_space import SCALES, Space
from farseer_jax.laws.evaluate import flat_points
from farseer_jax.laws.law import Law

_NO_ROOM = 1e-6  # how far constraints are missed that hold as equations, on a logarithmic scale


def names_of(argument: str, names: str | Sequence[str]) -> tuple[str, ...]:
    """Names of inputs, each once.

    Raises:
        ValueError: no names.
    """
    found = (names,) if isinstance(names, str) else tuple(names)
    if not found or not all(isinstance(name, str) for name in found):
        raise ValueError(
            f"{argument}: expected names of inputs, such as 'h' or ['N', 'D'], got {names!r}"
        )
    return tuple(dict.fromkeys(found))


def shares_of(law: type[Law], name: str) -> tuple[str, ...]:
    """The shares of a mixture, or the labels of a category; none of another input."""
    return dict(law.shares).get(name, ())


def check_inputs(law: type[Law], over: Sequence[str], given: Mapping[str, Any]) -> None:
    """Check that each input is either optimised or given, not both.

    Raises:
        ValueError: an input is unknown, missing, or both.
    """
    names = tuple(law.inputs())
    mixture_of = {share: name for name, own in law.shares for share in own}
    for argument, own in (("over", over), ("given", tuple(given))):
        for name in own:
            if name in names:
                continue
            more = ""
            if name in mixture_of:
                more = (
                    f"; {name!r} is a share of the mixture {mixture_of[name]!r}: give the mixture"
                )
            raise ValueError(
                f"{argument}: unknown input {name!r}{more}; the law {law.name} has the inputs "
                f"{', '.join(names)}"
            )
    if both := [name for name in given if name in over]:
        raise ValueError(f"given: {both[0]!r} is in over too; leave it out of one of the two")
    if missing := [name for name in names if name not in given and name not in over]:
        raise ValueError(
            f"given: the law {law.name} also needs {', '.join(missing)}; give a value for each, "
            f"such as given={{{missing[0]!r}: …}}, or add it to over"
        )


def constraints_of(
    law: type[Law],
    over: Sequence[str],
    cost: Cost | None,
    budget: ArrayLike | None,
    subject_to: str | Sequence[str],
) -> tuple[Constraint, ...]:
    """The constraints, the cost first if there are budgets.

    Raises:
        ValueError: cost or budget is missing, or a constraint names something else than the inputs.
    """
    texts = [subject_to] if isinstance(subject_to, str) else list(subject_to)
    if {"U", "D"} <= set(law.inputs()) and {"U", "D"} & set(over):
        texts.append("U <= D")  # unique tokens are some of the tokens
    found = tuple(inequality(law, text) for text in texts)
    if budget is None:
        if cost is not None:
            raise ValueError("budget: the cost needs a limit; give one, such as budget=1e21")
        return found
    if cost is None and not set(SCALES) <= set(law.inputs()):
        raise ValueError(
            f"cost: the budget needs a cost; give an expression in {', '.join(law.inputs())}"
        )
    return (cost_of(law, "6*N*D" if cost is None else cost), *found)


def given_points(
    law: type[Law], over: Sequence[str], given: Mapping[str, Any]
) -> tuple[dict[str, np.ndarray], int]:
    """The given inputs, checked and broadcast, ``(point,)`` or with shares; and how many points.

    Raises:
        ValueError: a value is of the wrong kind for its input, or outside the law's limits.
    """
    kinds = law.inputs()
    filled = dict(given)
    for name in over:
        entries = shares_of(law, name)
        filled[name] = 1.0
        if kinds[name] == "category":
            filled[name] = entries[0]
        elif kinds[name] == "mixture":
            filled[name] = np.full(max(len(entries), 2), 1.0 / max(len(entries), 2))
    limits = [own for own in law.limits if set(own.inputs) <= set(given)]
    flat, _ = flat_points(law, (), filled, limits)
    known = {name: own for name, own in flat.items() if name in given}
    for name, own in known.items():
        if kinds[name] == "count" and (own != np.round(own)).any():
            raise ValueError(f"{name}: expected whole numbers, got {given[name]!r}")
    return known, len(next(iter(flat.values())))


def ends_of(
    law: type[Law], over: Sequence[str], ends: Mapping[str, float], argument: str
) -> dict[str, float]:
    """The given bounds of numbers and shares.

    Raises:
        ValueError: a bound is not of an optimised input, or not possible for its kind.
    """
    allowed: dict[str, tuple[float, float, str]] = {}  # the range of ends, and what is expected
    share = (0.0, 1.0, "a share from 0 to 1")
    for name in over:
        kind = law.inputs()[name]
        if kind == "mixture":
            allowed |= dict.fromkeys(shares_of(law, name), share)
        elif kind != "category":
            allowed[name] = {
                "count": (1.0, np.inf, "a number from 1"),
                "positive": (np.finfo(float).tiny, np.inf, "a positive number"),
                "fraction": share,
            }.get(kind, (-np.inf, np.inf, "a finite number"))
    found = {}
    for name, value in ends.items():
        if name not in allowed:
            raise ValueError(
                f"{argument}: {name!r} is not optimised; choose from "
                f"{', '.join(allowed) or 'no input'}"
            )
        least, most, what = allowed[name]
        found[name] = float(value)
        if not (np.isfinite(found[name]) and least <= found[name] <= most):
            raise ValueError(f"{argument}: expected {what} for {name!r}, got {value!r}")
    return found


def check_limits(
    space: Space, constraints: Sequence[Constraint], at_most: Mapping[str, float]
) -> None:
    """Refuse N or D without a limit.

    Raises:
        ValueError: one of them has neither a constraint nor a largest value.
    """
    known = limited(constraints) | set(at_most)
    names = [free.name for free in space.numbers]
    loose = [name for name in SCALES if name in names and name not in known]
    if loose:
        them = "them" if len(loose) > 1 else "it"
        raise ValueError(
            f"over: nothing limits {' and '.join(loose)}, and the loss falls with {them}; give a "
            f"budget, such as budget=1e21 with cost='6*N*D', or at_most={{{loose[0]!r}: …}}"
        )


def refuse_infeasible(problem: OptimisationProblem, optima: Optima, over: Sequence[str]) -> None:
    """Refuse constraints that no inputs satisfy.

    Raises:
        ValueError: no point has an optimum.
    """
    if np.isfinite(optima.loss).any():
        return
    if not (optima.excess > 0.0).any():  # at equations it is a rounding error
        raise ValueError(
            "the law's loss is not finite at any start of the search; narrow the ranges"
        )
    limits = problem.limits[:, 0]
    texts = [
        own.text or f"{own.label} <= {limit:g}"
        for own, limit in zip(problem.constraints, limits, strict=True)
    ]
    least = ""
    if len(texts) == 1 and not (problem.at_least or problem.at_most):
        value = limits[0] * np.exp(optima.excess[0])
        least = f", where {problem.constraints[0].label} is at least {value:.4g}"
    ranges = [
        f"{f.name} from {f.text(f.lower)} to {f.text(f.upper)}" for f in problem.space.numbers
    ]
    where = f" ({'; '.join(ranges)})" if ranges else ""
    if optima.excess.min() < _NO_ROOM:
        bounds = [f"{name} >= {end:g}" for name, end in problem.at_least.items()]
        bounds += [f"{name} <= {end:g}" for name, end in problem.at_most.items()]
        raise ValueError(
            f"{' and '.join([*texts, *bounds])} leave the search no room, because some of "
            "them hold together only as equations: loosen one of these a little, as in "
            "'D >= 19.9*N' beside 'D <= 20*N'"
        )
    raise ValueError(
        f"no {', '.join(over)} within the ranges{where} satisfies "
        f"{' and '.join(texts) or 'the bounds of the shares'}{least}; raise the limit or widen the "
        "ranges (at_least, at_most)"
    )
