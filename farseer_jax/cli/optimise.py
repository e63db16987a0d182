"""``farseer optimise``: the inputs that minimise a fitted loss."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.choice import GROUP_OF_FIT, read_one_fit
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import (
    FROM_1,
    Group,
    Settings,
    check_goes_with,
    option,
    refit_options,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.tasks import file_argument
from farseer_jax.cli.values import amounts, names, numbers_by_name, values
from farseer_jax.tables.number_texts import number_of

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit


_INPUTS = Group(
    "Inputs",
    option(
        "--over", names, "Inputs to optimise, such as h or N,D (may be repeated).", required=True
    ),
    option(
        "--given",
        values,
        "Value of another input or of a share of a mixture, such as N=7B,D=1T (may be "
        "repeated; several values, D=500B,1T, make several points).",
    ),
    GROUP_OF_FIT,
    option("--response", "COLUMN", "Which of the fitted responses."),
)
_CONSTRAINTS = Group(
    "Constraints",
    option(
        "--cost", "FORMULA", 'Cost that the budgets limit, such as "N*(1 + P)"; 6*N*D unless given.'
    ),
    option("--budget", amounts, "Largest allowed cost, such as 1e21,1e22 or 1e20:1e24."),
    option(
        "--subject-to",
        "FORMULA",
        'Further constraint, such as "2*N*P <= 8e10" (may be repeated).',
        multiple=True,
    ),
    option(
        "--at-least",
        numbers_by_name,
        "Lower bound of an input or share, such as P=1 (may be repeated).",
    ),
    option(
        "--at-most",
        numbers_by_name,
        "Upper bound of an input or share, such as P=8 (may be repeated).",
    ),
    option(
        "--whole-simplex",
        None,
        "Search all mixtures, not only the convex hull of those in the runs.",
        is_flag=True,
    ),
)
_SEARCH = Group(
    "Search and intervals",
    option("--maximise", None, "Maximise the response, such as an accuracy.", is_flag=True),
    option("--num-starts", FROM_1, "Number of searches for each point.", default=16),
    *refit_options(
        "Add intervals from the optima of this many refits, such as 200.",
        "Seed of the starts and of the refits.",
    ),
)


def _check(settings: Settings) -> None:
    check_goes_with("bootstrap", ("level",), settings)
    check_goes_with("budget", ("cost",), settings)


def _read(settings: Settings) -> "Fit":
    """The fit of a file, of the group and the response that options name.

    Raises:
        Refusal: several fits are left, or none.
    """
    return read_one_fit(settings["fit_path"], settings["groups"], settings["response"])


@command(
    Source(
        arguments=[file_argument("fit_path", "FIT.json")],
        check=_check,
        read=_read,
        files=["fit_path"],
    ),
    _INPUTS,
    _CONSTRAINTS,
    _SEARCH,
    summary="The inputs that minimise a fitted loss, such as a mixture.",
    json="the optima",
    delivers="Optima",
    figure="plot_optimum",
    examples=[
        "farseer optimise fit.json --over h --given N=7B,D=1T --bootstrap 200",
        'farseer optimise fit.json --over N,D --cost "6*N*D" --budget 1e21,1e22',
        'farseer optimise fit.json --over P --given N=4e9 --subject-to "2*N*P <= 8e10"',
    ],
)
def optimise(
    fit: "Fit",
    over: list[str],
    given: list[tuple[str, str]] | None,
    groups: Any,
    response: Any,
    bootstrap: int | None,
    level: float,
    seed: int,
    at_least: dict[str, float] | None,
    at_most: dict[str, float] | None,
    subject_to: tuple[str, ...],
    **settings: Any,
) -> Output:
    """Find the inputs that minimise the loss of a fit (`farseer fit --json FIT.json`).

    The law and the inputs may be any: N and D at a budget, a mixture, a number
    of experts. Give values of all other inputs. The search covers the range of
    the runs for numbers other than N and D, and the convex hull of the runs for
    mixtures; the result says what limits the optimum.
    """
    import farseer_jax

    source: Any = fit
    if bootstrap is not None:
        source = farseer_jax.bootstrap(fit, bootstrap, seed=seed)
    found = farseer_jax.optimise(
        source,
        over,
        given=_given(fit, given or []),
        at_least=at_least,
        at_most=at_most,
        subject_to=subject_to,
        level=None if bootstrap is None else level,
        seed=seed,
        **settings,
    )
    return Output(found, warnings=fit.warnings)


def _given(fit: "Fit", pairs: Sequence[tuple[str, str]]) -> Mapping[str, Any]:
    """The given inputs: numbers, labels, and mixtures by share.

    Raises:
        Refusal: a value is not a number.
    """
    from farseer_jax.runs.input_names import input_named

    kinds = type(fit.law).inputs()
    mixture_of = {share: name for name, own in fit.runs.shares.items() for share in own}
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    found: dict[str, Any] = {}
    for name, own in texts.items():
        if kinds.get(input_named(name, kinds, fit.columns) or name) == "category":
            found[name] = own if len(own) > 1 else own[0]
            continue
        numbers = [number_of(text) for text in own]
        if None in numbers:
            raise Refusal(f"expected a number (such as {name}=4), got {name}={own[0]}")
        value = numbers if len(numbers) > 1 else numbers[0]
        if name in mixture_of:
            found.setdefault(mixture_of[name], {})[name] = value
        else:
            found[name] = value
    return found
