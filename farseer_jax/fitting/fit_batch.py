"""Many refits of one set of runs, with other losses or other weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.fitting.arguments import as_method, as_parts
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.laws.parameter_columns import numbers_by_column
from farseer_jax.methods.method import Method, SolvedBatch, weights_of
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import capitalised, number_text, some_of
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.memory import block_length
from farseer_jax.runtime.progress import report, unreported
from farseer_jax.runtime.threads import default_device, in_threads, num_threads, platform

# Refits per vectorised call: on a CPU what fits in its cache (a method may set its own
# `cpu_block`), otherwise what fills the device.
_BLOCK = {"cpu": 32, "gpu": 4096}
_MOST_SHOWN = 10
_NUM_ARRAYS = 16  # of runs × refits that a call needs at once
_LEAST = 8  # refits per call of a method with its own block size


@dataclass(frozen=True, eq=False, repr=False)
class BatchFit(Result):
    """Refits of one set of runs. Prints as a table.

    Attributes:
        law: a law whose leaves have a leading axis ``(batch,)``, float64.
        outcome_code: code of each refit's :class:`Outcome`, ``(batch,)``.
        mean_relative_error: over the runs with positive weight, ``(batch,)``.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import Farseer, example_runs, fit_batch
        >>> runs = example_runs()
        >>> up_to = np.array([2e9, 4e9])
        >>> held_out = (runs.N <= up_to[:, None]).astype(float)  # one row of weights per refit
        >>> refits = fit_batch(Farseer, runs, weights=held_out)
        >>> refits.predict(6.37e9, 1e11).shape, refits.outcome(0).name
        ((2,), 'success')
    """

    law: Law
    outcome_code: np.ndarray
    mean_relative_error: np.ndarray

    def __len__(self) -> int:
        return len(self.outcome_code)

    def outcome(self, index: int) -> Outcome:
        """The outcome of one refit."""
        return Outcome.from_code(self.outcome_code[index])

    @property
    def usable(self) -> np.ndarray:
        """True for each refit with a usable law, ``(batch,)``."""
        return np.isin(self.outcome_code, Outcome.usable_codes())

    def law_at(self, index: int) -> Law:
        """The law of one refit."""
        return jax.tree.map(lambda leaf: leaf[index], self.law)

    def predict(self, *args: ArrayLike, **inputs: ArrayLike) -> np.ndarray:
        """Predicted losses, float64, ``(batch, *broadcast shape of the inputs)``."""
        return evaluate(self.law, *args, **inputs)

    def table(self) -> Table:
        """One row per refit: outcome, error, and parameters."""
        numbers = numbers_by_column(self.law).items()
        return Table(
            [
                Column("outcome", [self.outcome(i).name for i in range(len(self))], left=True),
                Column("mean_relative_error", self.mean_relative_error, "{:.3e}".format, "error"),
                *(Column(name, values, partial(number_text, digits=5)) for name, values in numbers),
            ],
            most=_MOST_SHOWN,
            noun="refits",
        )

    def text_parts(self) -> tuple[str | Table, ...]:
        """How many refits are usable, and the first of them."""
        usable = some_of(int(self.usable.sum()), len(self), "refits", "is usable", "are usable")
        return f"{capitalised(self.law.name)} law: {usable}", self.table()

    def __repr__(self) -> str:
        return f"BatchFit({self.law.name}, {len(self)} refits, {int(self.usable.sum())} usable)"


def fit_batch(
    law: type[Law],
    runs: object,
    *,
    losses: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    method: Method | None = None,
    devices: Sequence[Any] | None = None,
    few: bool = False,
) -> BatchFit:
    """Refit a law with other losses, other weights, or both.

    A hold-out is a row of weights 0 and 1, a resample of runs a row of counts, a perturbed
    experiment a row of losses. All rows share one design and one compilation; pairs are those of
    all runs (removing a run instead may pair its neighbours if steps of D are unequal). Refits run
    in blocks of fixed size: memory beyond the arguments and the result is bounded, and no digit of
    a refit depends on how many there are.

    Args:
        law: the law's class.
        runs: the runs that all refits share: :class:`Runs`, or a table as for :func:`fit`.
        losses: ``(batch, run)``; None takes the runs' losses.
        weights: ``(batch, run)``, finite, not negative; None takes 1.
        method: None is :class:`Piecewise` for Farseer, :class:`LeastSquares` for other laws.
        devices: JAX devices of this process that share the refits, such as those of a mesh,
            ``mesh.local_devices``; None takes all.
        few: for at most a few dozen refits: compile nothing beyond what a fit needs, which would
            take longer than the refits. The optima are the same but for their last digits.

    Raises:
        ValueError: an array has the wrong shape or values, both are missing, or their lengths
            differ.
    """
    return Refits.of(law, runs, method, devices, few=few)(losses, weights)


@dataclass(frozen=True, eq=False)
class Refits:
    """Prepared refits of one set of runs, to be called any number of times."""

    runs: Runs
    method: Method
    design: Any
    devices: tuple[Any, ...]
    few: bool = False

    @classmethod
    def of(
        cls,
        law: type[Law],
        runs: object,
        method: Method | None = None,
        devices: Sequence[Any] | None = None,
        *,
        few: bool = False,
    ) -> "Refits":
        """Prepare the design, and choose the devices."""
        kind, parts = as_parts(law, runs)
        runs, method = parts[0].runs, as_method(method, kind)
        few = few and (hasattr(method, "prepare_few") or hasattr(method, "fit_few"))
        prepare = getattr(method, "prepare_few", method.prepare) if few else method.prepare
        return cls(runs, method, prepare(kind, runs), _devices(devices), few)

    @classmethod
    def of_fit(cls, fit: Fit, devices: Sequence[Any] | None = None) -> "Refits":
        """Prepare refits of a fit, which methods that search from many starts begin at its law."""
        own = getattr(fit.method, "prepare_refits", None)
        if own is None:
            return cls.of(type(fit.law), fit.runs, fit.method, devices)
        design = own(fit.runs, fit.law, fit.diagnostics)
        return cls(fit.runs, fit.method, design, _devices(devices))

    def __call__(
        self, losses: ArrayLike | None = None, weights: ArrayLike | None = None
    ) -> BatchFit:
        """Refit to losses and weights, as for :func:`fit_batch`."""
        losses, weights = _stacks(self.runs, losses, weights)
        stacks = losses, weights * weights_of(self.runs)
        if self.few:
            return self._few(*stacks)
        num_refits = len(stacks[0])
        own_block: int | None = getattr(self.method, "block", None)
        block = own_block or _block_size(self.method, platform())
        at_once = 1 if own_block else num_threads()
        most = block_length(_NUM_ARRAYS * 8.0 * len(self.runs), at_once=at_once)
        block = _halved(block, max(most, _LEAST) if own_block else most)
        blocks = _blocks(*stacks, block, _LEAST if own_block else block)
        report(0, num_refits)
        # the first block alone: otherwise every thread would compile the same kernel
        parts = [self._solve(blocks[0])]
        done = len(parts[0].outcome)
        report(min(done, num_refits), num_refits)
        for part in in_threads(self._solve, blocks[1:], self._threads(own_block is not None)):
            parts.append(part)
            done += len(part.outcome)
            report(min(done, num_refits), num_refits)
        joined = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:num_refits], *parts)
        return BatchFit(joined.law, joined.outcome, joined.mean_relative_error)

    def _few(self, losses: np.ndarray, weights: np.ndarray) -> BatchFit:
        fit_few = getattr(self.method, "fit_few", self.method.fit_block)
        with unreported():
            found = fit_few(self.design, losses, weights)
        return BatchFit(found.law, found.outcome, found.mean_relative_error)

    def _solve(self, block: tuple[np.ndarray, np.ndarray]) -> SolvedBatch:
        with unreported():  # count refits, not their starts
            return self.method.fit_block(self.design, *block)

    def _threads(self, is_parallel: bool) -> list[Any]:
        """The device of each thread; a method that is parallel itself needs one per device."""
        each = 1 if is_parallel else max(num_threads() // len(self.devices), 1)
        return [*self.devices] * each


def _devices(devices: Sequence[Any] | None) -> tuple[Any, ...]:
    """The given devices, the default device, or all of this process; None is JAX's own choice."""
    if devices is not None:
        if not len(devices):
            raise ValueError(
                "devices: expected at least one, got none; leave it out to use all of this process"
            )
        return tuple(devices)
    chosen, local = default_device(), jax.local_devices()
    return (chosen,) if chosen is not None or len(local) == 1 else tuple(local)


def _stacks(
    runs: Runs, losses: ArrayLike | None, weights: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray]:
    """Losses and weights, ``(batch, run)`` each; a missing one is a broadcast view."""
    if losses is None and weights is None:
        raise ValueError("give losses, weights or both, of shape (batch, run)")
    allowed = runs.link
    loss_rows = _stack("losses", runs.loss if losses is None else losses, len(runs))
    _refuse("losses", loss_rows, allowed.check(loss_rows), allowed.requirement)
    weight_rows = _stack("weights", np.ones(len(runs)) if weights is None else weights, len(runs))
    _refuse("weights", weight_rows, weight_rows < 0.0, "not negative")
    try:
        both = np.broadcast_arrays(loss_rows, weight_rows)
    except ValueError:
        raise ValueError(
            f"losses and weights: expected as many rows of each (or one row), got "
            f"{len(loss_rows)} and {len(weight_rows)}"
        ) from None
    return both[0], both[1]


def _stack(name: str, values: ArrayLike, num_runs: int) -> np.ndarray:
    stack = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if stack.ndim != 2 or stack.shape[1] != num_runs or not len(stack):
        raise ValueError(f"{name}: expected shape (batch, {num_runs}), got {np.shape(values)}")
    return stack


def _refuse(name: str, stack: np.ndarray, bad: np.ndarray, requirement: str) -> None:
    bad = bad | ~np.isfinite(stack)
    if bad.any():
        refit, run = (int(indices[0]) for indices in np.nonzero(bad))
        needs = requirement if requirement == "finite" else f"finite and {requirement}"
        raise ValueError(
            f"{name}: refit {refit}, run {run} is {stack[refit, run]}; values must be {needs}"
        )


def _block_size(method: Method, backend: str) -> int:
    """Refits per call of a method without its own block size."""
    usual = _BLOCK.get(backend, _BLOCK["gpu"])
    return getattr(method, "cpu_block", usual) if backend == "cpu" else usual


def _halved(block: int, most: int) -> int:
    """The block halved until it fits: it stays a multiple of what a kernel computes at once."""
    while block > most:
        block = -(-block // 2)
    return block


def _blocks(
    losses: np.ndarray, weights: np.ndarray, block: int, least: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Blocks of equal size, as views; the last is padded to the least size with its last row."""
    starts = range(0, len(losses), block)
    cuts = [(losses[i : i + block], weights[i : i + block]) for i in starts]
    # XLA rounds a single refit differently from several
    missing = least - len(cuts[-1][0])
    last_losses, last_weights = cuts[-1]
    cuts[-1] = _repeat_last(last_losses, missing), _repeat_last(last_weights, missing)
    return cuts


def _repeat_last(rows: np.ndarray, times: int) -> np.ndarray:
    return np.pad(rows, ((0, max(times, 0)), (0, 0)), mode="edge")
