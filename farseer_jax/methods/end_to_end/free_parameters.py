"""From a law's parameters, some fixed, tied or bounded, to the solver's free parameters."""

from typing import NamedTuple

import numpy as np

from farseer_jax.laws.declarations import flat_of
from farseer_jax.laws.law import Center, Law

ZERO = float(np.finfo(np.float64).tiny)  # stands for 0 where logarithms are searched
LOG_ZERO = float(np.log(ZERO))


class Free(NamedTuple):
    """``parameters = offset + basis · free``, within bounds.

    Attributes:
        centering: the law's centring matrix, ``(parameter, parameter)``.
        basis: ``(parameter, free)``.
        offset: ``(parameter,)``.
        lower: lower bounds, ``(free,)``.
        upper: upper bounds, ``(free,)``.
        names: of the law's parameters, ``(parameter,)``.
    """

    centering: np.ndarray
    basis: np.ndarray
    offset: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    names: tuple[str, ...]

    def free(self, vector: np.ndarray) -> np.ndarray:
        """The free parameters nearest to parameters ``(parameter, start)``, ``(start, free)``."""
        beyond = vector - self.offset[:, None]
        own = (self.basis != 0).any(1)[:, None] | np.isfinite(beyond)
        target = self.centering @ np.where(own, beyond, 0.0)  # a parameter may be fixed at 0
        nearest = np.linalg.lstsq(self.centering @ self.basis, target, rcond=None)[0]
        return np.clip(nearest, self.lower[:, None], self.upper[:, None]).T

    def vector(self, free: np.ndarray) -> np.ndarray:
        """Parameters ``(parameter, …)`` of free parameters ``(…, free)``."""
        return (free @ self.basis.T + self.offset).T

    @property
    def leaders(self) -> tuple[str, ...]:
        """One of the law's parameters for each free one."""
        return leaders(self.names, self.basis)

    @property
    def zeros(self) -> tuple[str, ...]:
        """Parameters fixed at 0 whose logarithm is searched."""
        at_zero = (self.offset == LOG_ZERO) & ~(self.basis != 0).any(1)
        return tuple(n for n, own in zip(self.names, at_zero, strict=True) if own)

    def at_bound(self, free: np.ndarray) -> np.ndarray:
        """Whether any free parameter lies on a bound, ``(…,)``."""
        return np.any((free <= self.lower) | (free >= self.upper), axis=-1)


def leaders(names: tuple[str, ...], basis: np.ndarray) -> tuple[str, ...]:
    """One of the parameters for each free one, of a basis ``(parameter, free)``."""
    used = basis != 0
    others = np.where(used, used.sum(1, keepdims=True), len(names) + 1)
    return tuple(names[i] for i in others.argmin(0))


def build_free(
    law: type[Law],
    center: Center | None,
    fixed: dict[str, float],
    tied: tuple[tuple[str, ...], ...],
    bounds: dict[str, tuple[float, float]],
    *,
    centred: bool = True,
    totals: bool = True,
) -> Free:
    """The free parameters of a law.

    Args:
        law: its class.
        center: centre of the runs.
        fixed: parameters at fixed values.
        tied: groups of equal parameters.
        bounds: of parameters.
        centred: whether free parameters are combinations that are hardly correlated; otherwise
            each belongs to one parameter, or to tied ones.
        totals: whether entries along a mixture keep their declared total; otherwise each is free.

    Raises:
        ValueError: a name is unknown, or settings contradict each other.
    """
    names = law.parameter_names()
    _check(law, names, fixed, tied, bounds)
    own = {
        name: (domain.lower, domain.upper)
        for name, domain in law.domains().items()
        if name not in law.log_parameters() and (domain.lower > -np.inf or domain.upper < np.inf)
    }
    bounds = own | bounds
    group = {name: together for together in tied for name in together}
    first = [n for n in names if n not in fixed and group.get(n, (n,))[0] == n]
    basis, offset = np.zeros((len(names), len(first))), np.zeros(len(names))
    lower, upper = np.full(len(first), -np.inf), np.full(len(first), np.inf)
    for row, name in enumerate(names):
        if name in fixed:
            offset[row] = max(_inner(law, name, fixed[name]), LOG_ZERO)
            continue
        column = first.index(group.get(name, (name,))[0])
        basis[row, column] = 1.0
        low, high = (_inner(law, name, v) for v in bounds.get(name, (-np.inf, np.inf)))
        lower[column], upper[column] = max(lower[column], low), min(upper[column], high)
    if totals:
        basis, lower, upper = _with_totals(law, basis, lower, upper)
    centering = law.centering(center) if centred else np.eye(len(names))
    # Orthonormal combinations of the centred parameters (without ties, these themselves).
    triangle = np.linalg.qr(centering @ basis)[1]
    triangle *= np.sign(np.diag(triangle))[:, None]
    combined = basis @ np.linalg.inv(triangle)
    # A box needs the bounded parameters as axes: most of them still are (E, α, β), A is not.
    bounded = [names.index(name) for name in bounds]
    if np.allclose(combined[bounded], basis[bounded], rtol=0.0, atol=1e-12):
        combined[bounded] = basis[bounded]  # without rounding
        basis = combined
    return Free(centering, basis, offset, lower, upper, names)


def _with_totals(
    law: type[Law], basis: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Basis and bounds where the entries of some parameters, or their logarithms, sum to 0.

    Weights that sum to 1 are one over their sum times the exponentials of such numbers.
    """
    names = [field.name for _, field in flat_of(law)]
    for field in law.fields():
        if field.total is None:
            continue
        rows = [row for row, name in enumerate(names) if name == field.name]
        columns = np.flatnonzero((basis[rows] != 0.0).any(0))
        basis[rows[-1], columns] = -1.0
        left = np.delete(np.arange(basis.shape[1]), columns[-1])
        basis[rows[-1], columns[-1]] = 0.0
        basis, lower, upper = basis[:, left], lower[left], upper[left]
    return basis, lower, upper


def _inner(law: type[Law], name: str, value: float) -> float:
    """A value on the scale that the solver searches."""
    if name not in law.log_parameters():
        return float(value)
    if value == -np.inf or value == 0.0:
        return -np.inf
    return float(np.log(value))


def _check(
    law: type[Law],
    names: tuple[str, ...],
    fixed: dict[str, float],
    tied: tuple[tuple[str, ...], ...],
    bounds: dict[str, tuple[float, float]],
) -> None:
    together = [name for group in tied for name in group]
    unknown = [n for n in (*fixed, *together, *bounds) if n not in names]
    if unknown:
        raise ValueError(f"the law {law.name!r} has no parameter {unknown[0]!r}; it has {names}")
    _refuse_entries_of_a_total(law, [*fixed, *together, *bounds])
    twice = [n for n in fixed if n in together or n in bounds]
    twice += [n for n in together if together.count(n) > 1]
    if twice:
        raise ValueError(f"the parameter {twice[0]!r} is fixed, tied or bounded twice: choose one")
    logs = law.log_parameters()
    for name, value in fixed.items():
        if not np.isfinite(value) or (name in logs and value < 0):
            needs = "0 or a positive number" if name in logs else "a finite number"
            raise ValueError(f"fixed: {name!r} must be {needs}, got {value:g}")
    for name, (low, high) in bounds.items():
        if not low < high or (name in logs and high <= 0):
            needs = " and high > 0" if name in logs else ""
            raise ValueError(
                f"bounds: {name!r} needs low < high{needs}, got low={low:g} and high={high:g}"
            )
    mixed = [group for group in tied if len({name in logs for name in group}) > 1]
    if mixed:
        scales = [name for name in mixed[0] if name in logs]
        others = [name for name in mixed[0] if name not in logs]
        raise ValueError(
            f"{' and '.join(mixed[0])} cannot be tied: the solver searches ln {scales[0]} but "
            f"{others[0]} itself; write one name for both in the law"
        )
    if len(fixed) == len(names):
        raise ValueError("every parameter is fixed: nothing is left to fit")


def _refuse_entries_of_a_total(law: type[Law], names: list[str]) -> None:
    """Refuse settings of single entries whose total is declared: the others would move.

    Raises:
        ValueError: a name is such an entry.
    """
    fields = dict(flat_of(law))
    for name in names:
        if (total := fields[name].total) is not None:
            raise ValueError(
                f"the entries of {fields[name].name!r} sum to {total:g}, so {name!r} cannot be "
                "fixed, tied or bounded alone: leave them free, or write a law of your own"
            )
