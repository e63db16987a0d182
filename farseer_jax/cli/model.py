"""The options of the law and the method, which of them go together, and what they build."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.options import (
    FROM_1,
    FROM_2,
    NUMBER,
    SEED,
    Choice,
    Group,
    Settings,
    WholeRange,
    named,
    option,
    reads,
    spelled,
)
from farseer_jax.cli.values import (
    KINDS,
    bounds,
    interval,
    kinds,
    names,
    numbers_by_name,
    ratio,
    rounds,
    ties,
)
from farseer_jax.close_names import unknown_name

if TYPE_CHECKING:
    from farseer_jax.laws.law import Law
    from farseer_jax.methods.method import Method

# As in the library, which is not imported for the help; tests compare.
LAWS = (
    "farseer", "chinchilla", "coupled", "coupled-interaction", "kaplan", "overtraining",
    "overtraining-one-coefficient", "vocabulary", "vocabulary-width", "fine-tuning",
    "learning-rate-batch", "asymmetric-learning-rate-batch", "optimal-hyperparameter",
    "optimal-hyperparameter-of-compute", "broken-power-law", "d-cpt", "cross-domain-d-cpt",
    "parscale", "data-constrained", "moe-bilinear", "moe-saturating", "moe-granularity",
    "moe-sparsity", "moe-joint", "moe-upcycling", "precision", "precision-unified", "distillation",
    "data-mixing", "mixture-power", "mixture-power-size", "optimal-mixture",
    "optimal-mixture-joint", "mixture-factor", "logistic-accuracy", "exponential-accuracy",
    "single-step-accuracy", "compute-accuracy",
)  # fmt: skip
AUTO = "auto"
OBJECTIVES = ("squared", "huber", "absolute", "asymmetric", "squared-relative")
OPTIMISERS = ("lbfgs", "adam")
DEFAULT_SEARCH = {"farseer": (-0.5, 0.5), "chinchilla": (0.01, 1.0)}
_CONSTRAINTS = ("objective", "fixed", "tied", "bounds")
_ANY_LAW = (*_CONSTRAINTS, "num_starts", "seed")
# Methods in the order of the help, each with its settings.
METHODS = {
    "piecewise": ("criterion", "search", "candidates", "rounds", "min_pairs", "ratio"),
    "least-squares": _ANY_LAW,
    "restarts": (*_ANY_LAW, "optimiser", "num_steps"),
    "variable-projection": (*_CONSTRAINTS, "candidates"),
    "isoflop": ("budgets", "width"),
}
# The named laws of methods that do not fit all of them, and the methods that fit expressions.
FITS = {
    "piecewise": ("farseer", "chinchilla"),
    "variable-projection": ("chinchilla",),
    "isoflop": ("chinchilla",),
}
OF_EXPRESSIONS = ("least-squares", "restarts", "variable-projection")
_MARKS = ("+", "-", "*", "/", "^", "(", "|", "<", ">", "=", ",", "[", " ", "\t", "\n")
_MAX_STARTS = 10_000_000
_MAX_CANDIDATES = 100_000  # take a second with the flags of `jax_settings`
_MAX_CANDIDATES_EACH = 1_000  # of each exponent: a million in all


@reads("NAME|EXPRESSION", names=(*LAWS, AUTO))
def law_text(text: str) -> str:
    """A law's name, or an expression.

    Raises:
        BadParameter: it is a single word, but not a known name.
    """
    text = text.strip()
    if text in (*LAWS, AUTO) or any(mark in text for mark in _MARKS):
        return text
    raise click.BadParameter(
        f"{unknown_name('law', text, (*LAWS, AUTO))}, or write an expression such as "
        "'E + A/N**alpha'."
    )


def is_expression(law: str) -> bool:
    """Whether a law is an expression rather than a name."""
    return law not in LAWS


_SEARCH = option(
    "--search",
    interval,
    "Range of the exponents; -0.5:0.5 (farseer) or 0.01:1 (chinchilla) unless given.",
)
_STAGES = (
    option(
        "--rounds",
        rounds,
        "Rounds of Stage 2; joint finds the minimum itself, and predicts worse.",
        default="2",
    ),
    option(
        "--min-pairs",
        FROM_2,
        "Pairs of runs that a size needs to take part.",
        default=3,
    ),
    option(
        "--ratio",
        ratio,
        "Steps of D that form a pair, 1.41 or 1.35:1.45; found in the runs unless given.",
    ),
)
_PIECEWISE = Group(
    "Method piecewise",
    option(
        "--criterion",
        Choice(["squared", "relative"]),
        "Errors to minimise: squared as in the paper, relative as in its code.",
        default="squared",
    ),
    _SEARCH,
    option(
        "--candidates",
        WholeRange(3, _MAX_CANDIDATES),
        "Search each exponent on a grid of this many values, instead of refining; with "
        "variable-projection the initial grid, 32 unless given.",
    ),
    *_STAGES,
)
EXPRESSION_OPTIONS = (
    option("--real", names, "Parameters of an expression that may be negative, such as b,c."),
    option(
        "--kind kinds",
        kinds,
        f"Kind of an expression's input: {', '.join(KINDS)}; positive (mixture if summed over) "
        "unless given.",
    ),
)
_LAW = Group(
    "Law and method",
    option(
        "--law",
        law_text,
        f"Law to fit: {', '.join(LAWS)}, or an expression such as 'E + A/N**alpha', in which "
        "names that are not columns are parameters.",
        default="farseer",
    ),
    *EXPRESSION_OPTIONS,
    option(
        "--method",
        Choice(tuple(METHODS)),
        f"Method of the fit: {', '.join(METHODS)}; piecewise for farseer and least-squares for "
        "other laws unless given. Piecewise fits farseer and chinchilla, isoflop chinchilla only.",
    ),
)
_ISOFLOP = Group(
    "Method isoflop",
    option(
        "--budgets", "COLUMN", "Column with the compute budget of each run; 6 N D unless given."
    ),
    option("--width", NUMBER, "Bins of ln compute, such as 0.35, for runs without clear budgets."),
)


_PARAMETERS = (
    option("--fix fixed", numbers_by_name, "Parameters to fix at values, such as E=1.69,k=1."),
    option("--tie tied", ties, "Parameters to keep equal, such as alpha=beta."),
    option(
        "--bounds",
        bounds,
        "Bounds of a parameter, such as alpha=0:1; k=0.5: has no upper bound.",
    ),
)
# for a command that fits a law of the user's by least squares, or none
OWN_LAW = Group(
    "A law of your own",
    option(
        "--law",
        law_text,
        f"Law instead of the usual ones: {', '.join(LAWS)}, or an expression such as "
        "'E + A/(N*P)**alpha', of any inputs.",
    ),
    *EXPRESSION_OPTIONS,
    *_PARAMETERS,
    option("--num-starts", WholeRange(1, _MAX_STARTS), "Random starts; 64 unless given."),
    option("--seed", SEED, "Seed of the starts; 0 unless given."),
)


def _end_to_end(seed: str) -> Group:
    return Group(
        "Methods that fit all parameters at once",
        option(
            "--objective",
            Choice(OBJECTIVES),
            f"Objective to minimise: {', '.join(OBJECTIVES)}; the first unless given.",
        ),
        *_PARAMETERS,
        option(
            "--num-starts",
            WholeRange(1, _MAX_STARTS),
            "Random starts; 64 unless given, 30,000 for restarts.",
        ),
        option(f"{seed} seed", SEED, "Seed of the starts; 0 unless given."),
        option("--optimiser", Choice(OPTIMISERS), "Optimiser of restarts; lbfgs unless given."),
        option("--num-steps", FROM_1, "Steps of each restart; 2,000 unless given."),
    )


def model_groups(seed: str = "--seed") -> tuple[Group, ...]:
    """All options for a law and a method.

    Args:
        seed: name of the option for the seed of the starts.
    """
    return _LAW, _end_to_end(seed), _PIECEWISE, _ISOFLOP


def method_name(settings: Settings) -> str:
    """The method that the options mean.

    Raises:
        UsageError: it does not fit the law, or an option belongs to another law or method.
    """
    law = settings["law"]
    if law == AUTO:
        raise click.UsageError(
            f"--law {AUTO} is for `farseer fit`: name a law here, or leave --law out."
        )
    for name in ("real", "kinds"):
        if settings[name] and not is_expression(law):
            raise click.UsageError(
                f"{spelled(name)} is only for an expression, not for --law {law}: leave it out."
            )
    method: str = settings["method"] or ("piecewise" if law == "farseer" else "least-squares")
    _check_fits(method, law)
    for name in dict.fromkeys(name for own in METHODS.values() for name in own):
        if name not in METHODS[method] and named(name):
            others = [other for other, own in METHODS.items() if name in own]
            raise click.UsageError(
                f"{spelled(name)} does not go with the method {method}, but with "
                f"{' and '.join(others)}: leave it out, or choose another --method."
            )
    return method


def _check_fits(method: str, law: str) -> None:
    laws = FITS.get(method, LAWS)
    if law in laws or (is_expression(law) and method in OF_EXPRESSIONS):
        return
    kind = f"the law {laws[0]}" if len(laws) == 1 else f"the laws {' and '.join(laws)}"
    given = "an expression" if is_expression(law) else f"--law {law}"
    raise click.UsageError(
        f"--method {method} fits {kind} only: leave it out with {given}, for which least-squares "
        "is the default."
    )


def build_method(name: str, settings: Settings) -> "Method":
    """The method with its options; the library's defaults apply to the others."""
    from farseer_jax.fitting.registry import METHODS as CLASSES

    own: Settings = {key: settings[key] for key in METHODS[name] if settings[key] is not None}
    candidates = own.pop("candidates", None)
    if name == "piecewise":
        own["search"] = _search(own.get("search"), candidates, settings["law"])
    elif candidates is not None:
        if candidates > _MAX_CANDIDATES_EACH:
            raise click.UsageError(
                f"--candidates: expected at most {_MAX_CANDIDATES_EACH:,} for each of the two "
                f"exponents of {name}, got {candidates:,}."
            )
        own["num_candidates"] = candidates
    return CLASSES[name](**own)


def _search(ends: tuple[float, float] | None, candidates: int | None, law: str) -> Any:
    """The search of the piecewise method; None for its default."""
    from farseer_jax import Grid, Refined

    if candidates is not None:
        return Grid(*(ends or DEFAULT_SEARCH[law]), candidates)
    return None if ends is None else Refined(*ends)


def law_class(settings: Settings, columns: Sequence[str], bound: Sequence[str] = ()) -> "type[Law]":
    """The law's class; for an expression, prints its inputs and parameters on standard error.

    Args:
        settings: settings of the command.
        columns: columns of the table, which distinguish inputs from parameters.
        bound: inputs whose columns are named by options.

    Raises:
        ValueError: the text cannot be read as a law.
    """
    from farseer_jax.fitting.arguments import as_law

    law = settings["law"]
    if not is_expression(law):
        return as_law(law)
    from farseer_jax.laws.expression_law import describe

    kinds, real = settings["kinds"], settings["real"] or ()
    found = as_law(law, columns, bound=bound, kinds=kinds, real=real)
    parameters = [
        field.name if field.along is None else f"{field.name}[{field.along}]"
        for field in found.fields()
    ]
    click.echo(describe(tuple(found.inputs()), parameters), err=True)
    return found
