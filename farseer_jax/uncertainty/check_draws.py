"""``check_draws``: whether a file of draws is unchanged, and whether its refits can be repeated."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from farseer_jax._version import __version__
from farseer_jax.fitting.fit_batch import BatchFit, Refits
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.converter import UnknownNameError
from farseer_jax.runtime.progress import in_stages, stage
from farseer_jax.uncertainty.bootstrap import resamples
from farseer_jax.uncertainty.draws_check import DrawsCheck
from farseer_jax.uncertainty.draws_file import PARTS, Store
from farseer_jax.uncertainty.draws_manifest import bootstrapped
from farseer_jax.uncertainty.draws_parquet import DrawsParquet, RowGroup
from farseer_jax.uncertainty.draws_table import RESAMPLE, from_table
from farseer_jax.uncertainty.resampling import Draw, Scheme, Setting

if TYPE_CHECKING:
    import pyarrow as pa

# Refits are bit-for-bit the same with the same compiler, compiler flags and CPU. With other flags,
# nine parameters by least squares differed by 3e-6, and losses at the runs by 1e-9.
_LOSSES, _PARAMETERS = 1e-6, 1e-3
# Undetermined or unconverged parameters may differ by more than their losses.
_LOOSE = (Outcome.undetermined.code, Outcome.not_converged.code)


def check_draws(
    path: str | Path,
    law: type[Law] | None = None,
    *,
    scheme: Scheme | None = None,
    num_refits: int = 10,
) -> DrawsCheck:
    """Check a file of draws, or the parts of an unfinished one, without changing anything.

    Reads all draws and verifies their digests, checks that the columns, the resample numbers, the
    stored fit and the settings agree, and repeats some of the refits: their resamples follow from
    the seed. Lists all faults.

    Args:
        path: the file that :func:`bootstrap` wrote or is writing; its parts are found beside it.
        law: the law's class, if it is not the library's.
        scheme: the scheme of the draws, if it is not the library's.
        num_refits: number of resamples to refit, evenly spaced from the first to the last.

    Raises:
        FileNotFoundError: there is neither such a file nor its parts.
        ValueError: ``num_refits`` is negative, or the law or the scheme is not the library's and
            was not given.

    Example:
        >>> import tempfile
        >>> from farseer_jax import Farseer, bootstrap, check_draws, example_runs, fit
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = bootstrap(fit(Farseer, example_runs()), 200, out=f"{folder}/draws.parquet")
        ...     found = check_draws(f"{folder}/draws.parquet")
        >>> found.intact, found.num_draws, len(found.refitted)
        (True, 200, 10)
    """
    if num_refits < 0:
        raise ValueError(f"num_refits must be at least 0, got {num_refits}")
    store = _store_of(Path(path))
    name = str(store.path if store.path.exists() else store.parts)
    try:
        manifest = store.read_manifest()
    except ValueError as error:
        return DrawsCheck(name, faults=(str(error),))
    found, note, of = _Found(), "", None
    try:
        of = bootstrapped(name, manifest, law, scheme)
    except UnknownNameError as error:
        note = str(error)
    except ValueError as error:
        found.faults.append(str(error))
    found.read_all(Store(store.path, manifest), num_refits)
    refitted, differences = np.empty(0, np.int64), np.empty(0)
    if "own_starts" in manifest["method"]:
        note = "the file does not contain the starts that its method was given"
    elif of is not None and found.kept:
        refitted, differences = _refit(found, *of, manifest["library_version"])
    return DrawsCheck(
        path=name,
        faults=tuple(found.faults),
        made_by=_made_by(manifest),
        files=tuple(str(own.file.path) for own in found.groups),
        start=np.array([own.rows.start for own in found.groups], np.int64),
        stop=np.array([own.rows.stop for own in found.groups], np.int64),
        damaged=np.array([own.is_damaged for own in found.groups], bool),
        refitted=refitted,
        differences=differences,
        note=note,
    )


class _Group(NamedTuple):
    """A row group of a file."""

    file: DrawsParquet
    rows: RowGroup
    is_damaged: bool


class _Found:
    """Row groups, faults, and the draws to refit, as found by reading."""

    def __init__(self) -> None:
        self.groups: list[_Group] = []
        self.faults: list[str] = []
        self.kept: list[tuple[_Group, pa.Table]] = []

    def read_all(self, store: Store, num_refits: int) -> None:
        """Read all files of a bootstrap, and keep draws to refit."""
        readable, ranges = [], list[RowGroup]()
        try:
            store.check_manifests()
        except ValueError as error:
            self.faults.append(str(error))
        for file in store.sources():
            try:
                ranges += file.row_groups()
                readable.append(file)
            except ValueError as error:
                self.faults.append(str(error))
        chosen = _evenly_spaced(ranges, num_refits)
        for file in in_stages("reading draws", readable):
            self.read(file, chosen)

    def read(self, file: DrawsParquet, chosen: np.ndarray) -> None:
        """Read a file, and keep the chosen resamples that were not kept before."""
        for rows, result in file.checked():
            is_damaged = isinstance(result, ValueError)
            own = _Group(file, rows, is_damaged)
            self.groups.append(own)
            if isinstance(result, ValueError):
                self.faults.append(str(result))
                continue
            inside = chosen[(chosen >= rows.start) & (chosen < rows.stop)]
            if len(inside):
                self.kept.append((own, result.take(inside - rows.start)))


def _evenly_spaced(ranges: Sequence[RowGroup], num: int) -> np.ndarray:
    """Resamples from the first to the last of those in the ranges."""
    if not ranges or not num:
        return np.empty(0, np.int64)
    starts, stops = np.array([[own.start, own.stop] for own in ranges]).T
    ends = np.cumsum(stops - starts)
    places = np.linspace(0, ends[-1] - 1, num).astype(int)
    at = np.searchsorted(ends, places, side="right")
    return np.unique(stops[at] - (ends[at] - places))


def _refit(
    found: _Found, fit: Fit, scheme: Scheme, seed: int, version: str
) -> tuple[np.ndarray, np.ndarray]:
    """Refit the kept resamples; differences from the draws are added to the faults."""
    import pyarrow as pa

    draws = pa.concat_tables(table for _, table in found.kept).combine_chunks()
    groups = [group for group, table in found.kept for _ in range(table.num_rows)]
    index = draws[RESAMPLE].to_numpy()
    setting = Setting.of(fit)
    pieces = [resamples(scheme, setting, seed, at, at + 1) for at in index.tolist()]
    columns = zip(*pieces, strict=True)
    stacks = Draw(*(None if own[0] is None else np.concatenate(own) for own in columns))
    with stage("refitting some resamples"):
        refits = Refits.of(type(fit.law), fit.runs, fit.method)(stacks.losses, stacks.weights)
    wrong, differences = _compare(from_table(draws, fit.law), refits, fit)
    by = "" if version == __version__ else f" (made by farseer_jax {version}, not {__version__})"
    for at in np.flatnonzero(wrong):
        file, rows, _ = groups[at]
        found.faults.append(
            f"{file.path}, rows {rows.start} to {rows.stop - 1}: resample {index[at]} is not what "
            f"a refit gives{by}: {file.remedy}"
        )
    return index, differences


def _compare(draws: BatchFit, refits: BatchFit, fit: Fit) -> tuple[np.ndarray, np.ndarray]:
    """Which draws are not their refits, and the largest differences of the parameters."""
    own, other = (np.stack(_rows(batch.law), axis=-1) for batch in (draws, refits))
    parameters = _relative(own, other)
    losses = _relative(*(evaluate_runs(batch.law, fit.runs) for batch in (draws, refits)))
    errors = np.abs(draws.mean_relative_error - refits.mean_relative_error)
    loose = np.isin(refits.outcome_code, _LOOSE)
    wrong = (draws.outcome_code != refits.outcome_code) | (losses > _LOSSES)
    wrong |= (errors > _LOSSES) | ((parameters > _PARAMETERS) & ~loose)
    return wrong, parameters


def _rows(law: Law) -> list[np.ndarray]:
    """All numbers of a batch of laws, ``(law,)`` each."""
    leaves = jax.tree.leaves(law)
    return [column for leaf in leaves for column in leaf.reshape(len(leaf), -1).T]


def _relative(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The largest relative difference in each row; NaN equals NaN and nothing else."""
    same = (own == other) | (np.isnan(own) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        apart = np.abs(own - other) / np.maximum(np.abs(own), np.abs(other))
    apart = np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf))
    return apart.max(axis=-1)


def _made_by(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "law": manifest["law"].get("name"),
        "num_runs": manifest["runs"].get("num"),
        "method": manifest["method"].get("name"),
        "scheme": manifest["scheme"].get("name"),
        "seed": manifest["seed"],
        "library_version": manifest["library_version"],
    }


def _store_of(path: Path) -> Store:
    """The file of draws at a path, or whose parts are there.

    Raises:
        FileNotFoundError: there is neither.
        IsADirectoryError: the path is another directory.
    """
    if path.is_dir() and path.name.endswith(PARTS):
        return Store(path.with_name(path.name.removesuffix(PARTS)), {})
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory; name a file of draws, or its {PARTS}")
    store = Store(path, {})
    if not path.exists() and not store.parts.is_dir():
        raise FileNotFoundError(f"{path}: no such file")
    return store
