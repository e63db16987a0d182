"""Loss curves of several runs, as one table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from farseer_jax.close_names import unknown_name
from farseer_jax.curves.curve import Curve
from farseer_jax.curves.shared_rows import counted_once
from farseer_jax.results.numbers import percent_text, quantity_text
from farseer_jax.results.result import Result, warned
from farseer_jax.results.table import Column, Table, as_text

_COUNTS = frozenset(["N", "N_active", "D", "U"])


@dataclass(frozen=True, eq=False, repr=False)
class Curves(Result):
    """Loss curves of several runs, each under its learning-rate schedule.

    Attributes:
        curves: the curves, in order, with distinct names.
        columns: the columns that were read, by role: step, loss, lr, run and inputs.
        notes: sentences on how the curves were read.
        warnings: reasons for caution.
        source: the file or folder that was read; empty for a table in memory.

    Raises:
        ValueError: there are no curves, two have the same name, or they have different inputs.

    Example:
        >>> from farseer_jax import Curve, Curves, Schedule
        >>> constant = Schedule.constant(30, 3e-4)
        >>> curves = Curves([Curve("a", [10, 20], [4.0, 3.5], constant)])
        >>> len(curves), curves.names, curves["a"].losses
        (1, ('a',), array([4. , 3.5]))
    """

    curves: tuple[Curve, ...]
    columns: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "curves", tuple(self.curves))
        if not self.curves:
            raise ValueError("curves: expected at least one, got none")
        twice = {name for name in self.names if self.names.count(name) > 1}
        if twice:
            raise ValueError(
                f"curves: two curves are named {min(twice)!r}; expected distinct names"
            )
        first = self.curves[0]
        for own in self.curves:
            if set(own.inputs) != set(first.inputs):
                raise ValueError(
                    f"curves: {own.name!r} has the inputs {', '.join(own.inputs) or 'none'}, and "
                    f"{first.name!r} has {', '.join(first.inputs) or 'none'}; give all curves "
                    "the same inputs"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the curves."""
        return tuple(own.name for own in self.curves)

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs of each curve by name, ``(curve,)`` each."""
        first = self.curves[0].inputs
        return {name: np.array([own.inputs[name] for own in self.curves]) for name in first}

    def select(self, names: str | Sequence[str]) -> Curves:
        """The curves of these names, in this order.

        Raises:
            ValueError: the curve is unknown.
        """
        asked = [names] if isinstance(names, str) else [*names]
        return replace(self, curves=tuple(self[name] for name in asked))

    def where(self, keep: Callable[[Curve], Any]) -> Curves:
        """The curves for which a function returns true.

        Raises:
            ValueError: none is left.

        Example:
            >>> from farseer_jax import example_curves
            >>> example_curves().where(lambda own: own.schedule.steps > 20_000).names
            ('constant', 'cosine')
        """
        return replace(self, curves=tuple(own for own in self if keep(own)))

    def without(self, names: str | Sequence[str]) -> Curves:
        """All but the curves of these names.

        Raises:
            ValueError: the curve is unknown, or none is left.
        """
        left = {self[name].name for name in ([names] if isinstance(names, str) else names)}
        return replace(self, curves=tuple(own for own in self.curves if own.name not in left))

    def thinned(self, points: int = 64) -> Curves:
        """Curves of about this many points each, the means of neighbouring rows.

        Rows are grouped at equal intervals of ln t, where t is the step, because the loss decreases
        by similar amounts in each. Groups are smaller where the learning rate decays: a decay from
        the peak to 0 counts as much as a factor of e in t. They are also smaller after a jump, and
        no group spans one. The step and the loss of a point are geometric means, and ``counts``
        has its number of rows. Losses that a branch has in common with its parent to the digit
        were trained once, and stay in the parent only.

        Args:
            points: number of points; a curve with fewer rows is left unchanged.

        Example:
            >>> from farseer_jax import example_curves
            >>> curves = example_curves()
            >>> [len(own) for own in curves.thinned(50)], int(curves.thinned(50)[0].counts.sum())
            ([50, 45, 50], 172)
        """
        own = counted_once(self.curves)
        return replace(self, curves=tuple(curve.thinned(points) for curve in own))

    @property
    def noise(self) -> float | None:
        """Standard deviation of the noise in ln loss of one row (median of the curves), or None."""
        known = [own.noise for own in self if own.noise is not None]
        return float(np.median(known)) if known else None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the steps, losses, schedules and inputs, in hexadecimal digits."""
        digest = hashlib.sha256()
        for own in self.curves:
            digest.update(f"{own.name}\0{own.schedule.fingerprint}\0".encode())
            digest.update(np.ascontiguousarray(own.steps, dtype="<i8").tobytes())
            digest.update(np.ascontiguousarray(own.losses, dtype="<f8").tobytes())
            for name in sorted(own.inputs):
                digest.update(f"{name}\0{own.inputs[name]!r}\0".encode())
        return digest.hexdigest()

    def table(self) -> Table:
        """One row per curve."""
        inputs = [
            Column(name, values, quantity_text if name in _COUNTS else as_text)
            for name, values in self.inputs.items()
        ]
        noises = [np.nan if own.noise is None else own.noise for own in self]
        return Table(
            [
                Column("curve", self.names, left=True),
                *inputs,
                Column("points", [len(own) for own in self]),
                Column("first_step", [int(own.steps[0]) for own in self], heading="first step"),
                Column("last_step", [int(own.steps[-1]) for own in self], heading="last step"),
                Column("last_loss", [float(own.losses[-1]) for own in self], heading="last loss"),
                Column("noise", noises, percent_text),
                Column("schedule", [str(own.schedule) for own in self], left=True),
            ],
            noun="curves",
        )

    def text_parts(self) -> Sequence[str | Table]:
        """The curves and how they were read."""
        notes = "\n".join(f"note: {sentence}" for sentence in self.notes)
        columns = ", ".join(f"{name} {column!r}" for name, column in self.columns.items())
        parts: list[str | Table] = [
            warned("", self.warnings).strip(),
            self.table(),
            f"columns: {columns}" if columns else "",
            notes,
        ]
        return tuple(part for part in parts if part)

    def to_dict(self) -> dict[str, object]:
        """The curves, for JSON."""
        return {
            **super().to_dict(),
            "columns": dict(self.columns),
            "notes": [*self.notes],
            "warnings": [*self.warnings],
        }

    def __len__(self) -> int:
        return len(self.curves)

    def __iter__(self) -> Iterator[Curve]:
        return iter(self.curves)

    def __getitem__(self, name: str | int) -> Curve:
        if isinstance(name, int):
            return self.curves[name]
        for own in self.curves:
            if own.name == name:
                return own
        raise ValueError(unknown_name("curve", str(name), self.names))

    def __repr__(self) -> str:
        points = sum(map(len, self.curves))
        return f"Curves({len(self)} curve{'s'[: len(self) != 1]}, {points:,} points)"
