"""``bootstrap``: a fit, refitted to many resamples of its runs in one batch."""

import operator
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np

from farseer_jax.fitting.fit_batch import BatchFit, Refits
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import fit_of
from farseer_jax.laws.law import Law
from farseer_jax.runtime.memory import block_length, require
from farseer_jax.runtime.progress import counted_from, report, stage
from farseer_jax.uncertainty import distributed
from farseer_jax.uncertainty.bootstrap_result import Bootstrap
from farseer_jax.uncertainty.draws import Draws, FileDraws, MemoryDraws, join
from farseer_jax.uncertainty.draws_file import Store
from farseer_jax.uncertainty.draws_manifest import manifest_of
from farseer_jax.uncertainty.draws_table import Range
from farseer_jax.uncertainty.resampling import Draw, Scheme, Setting
from farseer_jax.uncertainty.schemes_by_name import as_scheme

# Resamples per stream of random numbers: the numbers of a resample depend only on its position,
# not on which process draws it or with how many others.
_STREAM = 256
# If the first refits, this many, all fail, the bootstrap is abandoned.
_HOPELESS = 256
_KEEP_ALL_RUNS = ("sizes", "bayesian", "residual", "wild", "parametric")


def bootstrap(
    fit: Fit,
    num_resamples: int | None = None,
    scheme: str | Scheme | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    chunk_size: int = 4096,
    devices: Sequence[Any] | None = None,
) -> Bootstrap:
    """Refit a fit's law to resamples of its runs, by its own method.

    The same seed gives the same draws, to the last bit, on any number of devices and processes
    (with ``jax.distributed``, every process makes the same call) and for any ``chunk_size``; a
    larger number of resamples begins with the same ones.

    Args:
        fit: the fit.
        num_resamples: how many; None is 1,000, or all resamples of a jackknife.
        scheme: how runs are resampled: a name, or an object such as :class:`BayesianBootstrap`.
            None resamples whole sizes (``"sizes"``), since errors of a size are correlated; runs
            (``"bayesian"``) where there are fewer than four sizes, or none has two runs.
        seed: seed of the resamples.
        out: a Parquet file for the draws, for more of them than fit in memory. They are written as
            they are made: a process that is killed loses at most one chunk.
        resume: continue with the draws in the file, if there are any.
        chunk_size: refits per call and per write; fewer for a large table, to bound memory.
        devices: JAX devices of this process that share the refits, such as those of a mesh,
            ``mesh.local_devices``; None takes all.

    Raises:
        ValueError: fewer than 2 resamples; all refits fail; or the file has draws of another fit,
            scheme, seed or version.
        OSError: the file cannot be written, exists already, or is being written by another process.
        MemoryError: the draws need more memory than there is; a file (``out``) holds them.

    Example:
        >>> from farseer_jax import Farseer, bootstrap, example_runs, fit
        >>> result = bootstrap(fit(Farseer, example_runs()), 200, seed=1)
        >>> result
        Bootstrap(farseer, sizes, 200 resamples, 0 failed)
        >>> float(result.standard_error(25.1e9, 5e11)) < 3e-3
        True
    """
    setting = Setting.of(fit_of(fit))
    scheme, seed = as_scheme(scheme, setting), _whole("seed", seed, 0)
    num = _num_resamples(num_resamples, scheme, setting)
    stream, most = _stream(len(fit.runs)), _most_at_once(len(fit.runs))
    chunk = min(_whole("chunk_size", chunk_size, 1), max(stream, most // stream * stream))
    refits = Refits.of_fit(fit, devices)

    def make(ranges: Sequence[Range]) -> Iterator[tuple[int, BatchFit]]:
        return _make(refits, scheme, setting, seed, ranges)

    if out is None:
        require(
            _bytes_of_draws(fit.law, num),
            f"keeping {num:,} draws in memory",
            "keep them in a file (out='draws.parquet')",
        )
        draws: Draws = _in_memory(make, fit.law, num, chunk)
    else:
        store = Store(out, manifest_of(fit, scheme, seed))
        draws = _on_disk(make, store, fit.law, num, chunk, resume)
    if not any(batch.usable.any() for batch in draws.batches()):
        raise _all_failed(next(iter(draws.batches())), num, scheme)
    return Bootstrap(fit=fit, scheme=scheme, seed=seed, draws=draws)


def resamples(scheme: Scheme, setting: Setting, seed: int, start: int, stop: int) -> Draw:
    """Losses and weights of the resamples from ``start`` to ``stop``."""
    pieces, length = [], _stream(len(setting.runs))
    for stream in range(start // length, -(-stop // length)):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))
        index = np.arange(stream * length, (stream + 1) * length)
        inside = (index >= start) & (index < stop)
        piece = scheme.draw(setting, rng, index)
        pieces.append(Draw(*(None if part is None else part[inside] for part in piece)))
    columns = zip(*pieces, strict=True)
    return Draw(*(None if own[0] is None else np.concatenate(own) for own in columns))


def _bytes_of_draws(law: Law, num: int) -> float:
    """Of parameters, outcome and errors of each draw, while its parts are joined."""
    return 2.0 * 8.0 * num * (len(type(law).parameter_names()) + 4)


def _stream(num_runs: int) -> int:
    """Resamples that are drawn together: a power of two, smaller for a large table."""
    return min(_STREAM, 1 << (_most_at_once(num_runs).bit_length() - 1))


def _most_at_once(num_runs: int) -> int:
    """Resamples whose losses and weights are in memory at once, while the next are drawn."""
    return block_length(4.0 * 8.0 * num_runs)


def _make(
    refits: Refits,
    scheme: Scheme,
    setting: Setting,
    seed: int,
    ranges: Sequence[Range],
) -> Iterator[tuple[int, BatchFit]]:
    """Make the draws of the ranges in order.

    Raises:
        ValueError: all refits fail, among the first or altogether; independent of the ranges.
    """
    to_make = sum(stop - start for start, stop in ranges)
    made, hope = 0, False
    with stage("refitting to resamples"):
        report(0, to_make)
        for start, draw in _drawn_ahead(scheme, setting, seed, ranges):
            with counted_from(made, to_make):
                batch = refits(draw.losses, draw.weights)
            hope = hope or bool(batch.usable[: max(_HOPELESS - made, 0)].any())
            made += len(batch)
            if not hope and made >= min(_HOPELESS, to_make):
                raise _all_failed(batch, made, scheme)
            yield start, batch


def _drawn_ahead(
    scheme: Scheme, setting: Setting, seed: int, ranges: Sequence[Range]
) -> Iterator[tuple[int, Draw]]:
    """Draw the resamples of each range while the previous range is refitted."""
    with ThreadPoolExecutor(1) as pool:
        pending: tuple[int, Future[Draw]] | None = None
        for start, stop in ranges:
            last = pending
            pending = start, pool.submit(resamples, scheme, setting, seed, start, stop)
            if last is not None:
                yield last[0], last[1].result()
        if pending is not None:
            yield pending[0], pending[1].result()


def _in_memory(make: Any, template: Law, num: int, chunk: int) -> Draws:
    chunk = min(chunk, -(-num // jax.process_count()))  # at least one chunk per process
    ranges = [(i, min(i + chunk, num)) for i in range(0, num, chunk)]
    with distributed.together("making the draws"):
        own = [batch for _, batch in make(distributed.share(ranges))]
    if distributed.several():
        return MemoryDraws(distributed.gathered(own, ranges, template))
    return MemoryDraws(join(own))


def _on_disk(make: Any, store: Store, template: Law, num: int, chunk: int, resume: bool) -> Draws:
    with distributed.together("opening the file"):
        if distributed.is_first():
            store.open(resume=resume)
    try:
        with distributed.together("listing the draws to make"):
            ranges = store.missing(num, chunk)
        with distributed.together("making the draws"):
            for start, batch in make(distributed.share(ranges)):
                store.write(start, batch)
        with distributed.together("joining the draws"):
            if distributed.is_first():
                store.finish(num)
    finally:
        store.close()
    return FileDraws(store.path, num, template)


def _num_resamples(num: int | None, scheme: Scheme, setting: Setting) -> int:
    """How many resamples, checked."""
    num_draws = getattr(scheme, "num_draws", None)
    if num_draws is None:
        return 1000 if num is None else _whole("num_resamples", num, 2)
    most = int(num_draws(setting))
    if num is not None and num != most:
        raise ValueError(
            f"num_resamples: the scheme {scheme.name!r} has exactly {most} resamples of these "
            f"runs, got {num}; leave the number out"
        )
    return most


def _whole(name: str, value: int, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def _all_failed(batch: BatchFit, num: int, scheme: Scheme) -> ValueError:
    """The error if every refit failed."""
    outcome = batch.outcome(0)
    remedy = (
        "The scheme leaves out no run, so the fit itself is in doubt: see its warnings"
        if scheme.name in _KEEP_ALL_RUNS
        else "The scheme leaves too few of these runs: use one that leaves out no run, such as "
        "'sizes' or 'bayesian'"
    )
    return ValueError(
        f"scheme {scheme.name!r}: all {num} refits failed ({outcome.name}: "
        f"{outcome.message}) {remedy}"
    )
