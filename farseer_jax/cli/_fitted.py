"""Fits that commands make: the law, the method and the runs that the options mean."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from farseer_jax.cli._errors import Refusal
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._law import law_class
from farseer_jax.cli._methods import build_method
from farseer_jax.cli._select import select
from farseer_jax.cli._source_options import naming

if TYPE_CHECKING:
    from farseer_jax.cli._source_options import Source
    from farseer_jax.fitting.fits import Fits
    from farseer_jax.fitting.result import Fit
    from farseer_jax.laws.law import Law
    from farseer_jax.runs.runs import Runs


class Task(NamedTuple):
    """What is to be fitted.

    Attributes:
        law: the law's class.
        runs: selected runs, or rows of a table.
        options: what ``fit`` is to know of the table.
    """

    law: "type[Law]"
    runs: "Source"
    options: dict[str, Any]

    def bound(self) -> "Runs":
        """The runs of the first response, or group, as they are fitted."""
        from farseer_jax.fitting.arguments import as_parts

        return as_parts(self.law, self.runs, **self.options)[1][0].runs


def task_of(source: "Source", settings: Mapping[str, Any]) -> Task:
    """The law that the options name, and the runs that they select.

    Raises:
        ValueError: the law is none, or no run is left.
    """
    if isinstance(source, Mapping):
        options, names = naming(settings), [*source]
    else:  # the columns of runs have their names already
        options, names = {}, [*source.inputs, *source.extra]
    bound, units = options.get("columns_of", {}), options.get("units", {})
    law = law_class(settings, names, tuple(bound))
    return Task(law, select(source, law, settings, bound, units), options)


def fit_task(task: Task, method: str, settings: Mapping[str, Any]) -> "Fit | Fits":
    """Fit each group and response that the options name."""
    from farseer_jax import fit

    options = dict(task.options)
    for name in ("by", "shared", "monotone_over"):
        if settings.get(name) is not None:
            options[name] = settings[name]
    return cast("Fit | Fits", fit(task.law, task.runs, build_method(method, settings), **options))


def single_task(source: "Source", settings: Mapping[str, Any]) -> Task:
    """The same as :func:`task_of`, where a command takes one fit.

    Raises:
        Refusal: there would be several.
    """
    response = settings.get("response")
    if response and isinstance(source, Mapping):
        from farseer_jax.runs.find_columns import match_columns

        names = match_columns(list(source), response, "as response")
        if len(names) > 1:
            raise Refusal(
                f"--response names {len(names)} columns ({', '.join(names)}), and this command "
                "takes one fit: name one of them"
            )
    return task_of(source, settings)


def fit_one(source: "Source", method: str, settings: Mapping[str, Any]) -> "Fit":
    """The one fit of a command that takes one."""
    return cast("Fit", fit_task(single_task(source, settings), method, settings))


def fits_of(result: "Fit | Fits") -> "tuple[Fit, ...]":
    """All fits of a result."""
    from farseer_jax.fitting.fits import Fits

    return result.fits if isinstance(result, Fits) else (result,)


def over_N_and_D(fit: "Fit", command: str, file: Path | None = None) -> "Fit":
    """A fit that a command can use that asks where N and D are.

    Raises:
        Refusal: its law has other inputs.
    """
    inputs = tuple(type(fit.law).inputs())
    if set(inputs) != {"N", "D"}:
        of = "the law" if file is None else f"the law of {file}"
        raise Refusal(
            f"`{command}` needs a law of N and D alone, and {of} has the inputs "
            f"{', '.join(inputs)}: use `farseer fit` and `farseer predict` for it"
        )
    return fit


def read_fits(path: Path) -> "Fits":
    """The fits that a file holds, one or several."""
    set_up_jax()
    from farseer_jax.fitting.fits import Fits

    return Fits.from_json(path)


def read_fit(path: Path, command: str) -> "Fit":
    """The fit over N and D that a file holds.

    Raises:
        Refusal: it holds several, or one over other inputs.
    """
    fits = read_fits(path)
    fit = over_N_and_D(fits[0], command, path)
    if len(fits) > 1:
        raise Refusal(
            f"{path} holds {len(fits)} fits, and `{command}` takes one: fit one group and one "
            "response"
        )
    return fit
