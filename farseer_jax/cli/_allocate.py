"""``farseer allocate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._errors import Refusal
from farseer_jax.cli._fitted import read_fit
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._options import (
    POSITIVE,
    Decorated,
    bootstrap_option,
    check_goes_with,
    command,
    decorate,
    json_option,
    level_option,
    option,
    seed_option,
)
from farseer_jax.cli._output import check_target, deliver, json_text, with_warnings
from farseer_jax.cli._values import budgets

if TYPE_CHECKING:
    from farseer_jax.decisions.allocation import Allocation
    from farseer_jax.fitting.result import Fit
    from farseer_jax.laws.compute_optimal import FLOPs

BUDGETS = "Budgets"
FLOPS = "FLOPs of training"
LIMITS = "Inference and limits"
INTERVALS = "Intervals"
OUTPUT = "Output"

_PAPER = "paper"  # the name of the paper's table, where a file could stand

_EPILOG = """\b
Examples:
  farseer allocate fit.json --compute 1e20:1e26
  farseer allocate fit.json --compute 1e23 --tokens-served 1e13 --max-D 1.5e13
  farseer allocate fit.json --loss 0.45 --architecture paper --bootstrap 1000
"""


def _budget_options(command: Decorated) -> Decorated:
    return decorate(
        command,
        [
            option(
                "--compute",
                type=budgets,
                multiple=True,
                metavar="FLOPS|LOW:HIGH[:NUMBER]",
                group=BUDGETS,
                help="A budget such as 1e22, or a range such as 1e20:1e26: one for each factor of "
                "ten, or NUMBER of them (may be repeated).",
            ),
            option(
                "--loss",
                type=POSITIVE,
                multiple=True,
                metavar="NUMBER",
                group=BUDGETS,
                help="Instead of budgets, a loss to reach at the least compute (may be repeated).",
            ),
            option(
                "--architecture",
                metavar=f"FILE|{_PAPER}",
                group=FLOPS,
                help="CSV with columns N, num_layers and width: attention and the output layer are "
                f"counted too; {_PAPER} is Table 4 of the paper. 6·N·D unless given.",
            ),
            option(
                "--sequence-length",
                type=click.FloatRange(1),
                metavar="NUMBER",
                group=FLOPS,
                help="Tokens of a sequence, with --architecture; 2048 unless given.",
            ),
            option(
                "--vocabulary",
                type=click.FloatRange(0),
                metavar="NUMBER",
                group=FLOPS,
                help="Entries of the output layer, with --architecture, where N does not count it; "
                f"that of the paper for {_PAPER}, else 0 unless given.",
            ),
        ],
    )


def _limit_options(command: Decorated) -> Decorated:
    meanings = (
        ("--tokens-served", "Tokens of inference, 2·N FLOPs each, which the budget pays for too."),
        ("--max-D", "The most tokens there are."),
        ("--max-N", "The most parameters that can be used."),
    )
    return decorate(
        command,
        [
            *(
                option(name, name[2:].replace("-", "_"), type=POSITIVE, metavar="NUMBER",
                       group=LIMITS, help=meaning)
                for name, meaning in meanings
            ),
            bootstrap_option(
                INTERVALS, "Intervals from so many refits of the fit's own runs, such as 1000."
            ),
            level_option(INTERVALS),
            seed_option("seed", INTERVALS, "Seed of the refits."),
        ],
    )  # fmt: skip


@command(
    "allocate",
    short_help="How to split compute between parameters and tokens.",
    epilog=_EPILOG,
)
@click.argument("fit_path", metavar="FIT.json", type=click.Path(path_type=Path))
@_budget_options
@_limit_options
@json_option("the allocations", OUTPUT)
def allocate(fit_path: Path, target: str | None, **settings: Any) -> None:
    """Split budgets of compute so that the loss is lowest.

    FIT.json is a fit that `farseer fit --json FIT.json` wrote. Of each budget:
    N, D, D/N and the loss there, how they grow with compute, what 20 tokens per
    parameter would lose, and whether the runs cover such an N, D and D/N.
    """
    compute = [budget for some in settings["compute"] for budget in some]
    _check_together(compute, settings)
    check_target(target, [fit_path])
    flops = _flops(settings)
    set_up_jax(refits=settings["bootstrap"] is not None)
    import numpy as np

    import farseer_jax

    fit = read_fit(fit_path, "farseer allocate")
    source: Any = fit
    with farseer_jax.progress_bar():
        if settings["bootstrap"] is not None:
            source = farseer_jax.bootstrap(fit, settings["bootstrap"], seed=settings["seed"])
        found = farseer_jax.allocate(
            source,
            compute or None,
            loss=settings["loss"] or None,
            flops=flops,
            level=None if settings["bootstrap"] is None else settings["level"],
            **{name: settings[name] for name in ("tokens_served", "max_D", "max_N")},
        )
    if not np.isfinite(found.N).any():
        raise Refusal(found.warnings[0])
    deliver(
        lambda: with_warnings(found, fit), lambda: _json_text(found, fit), target, "Allocations"
    )


def _check_together(compute: list[float], settings: dict[str, Any]) -> None:
    if bool(compute) == bool(settings["loss"]):
        raise click.UsageError(
            "Give budgets, such as --compute 1e20:1e26, or losses to reach by --loss: one of them."
        )
    check_goes_with("architecture", ("sequence_length", "vocabulary"), settings)
    check_goes_with("bootstrap", ("level", "seed"), settings)


def _flops(settings: dict[str, Any]) -> "FLOPs | None":
    """What the options say of training FLOPs; None for 6 N D.

    Raises:
        Refusal: the file is no table of architectures.
    """
    name, vocabulary = settings["architecture"], settings["vocabulary"]
    if name is None:
        return None
    length = settings["sequence_length"] or 2048
    import pandas as pd

    from farseer_jax import TransformerFLOPs

    if name == _PAPER:
        published = TransformerFLOPs.paper(length)
        return published if vocabulary is None else TransformerFLOPs.paper(length, vocabulary)
    if not Path(name).exists():
        raise Refusal(f"--architecture {name}: no such file")
    try:
        return TransformerFLOPs.from_table(pd.read_csv(name), length, vocabulary or 0)
    except (OSError, ValueError) as error:
        raise Refusal(f"--architecture {name}: {error}") from None


def _json_text(found: "Allocation", fit: "Fit") -> str:
    content = found.to_dict()
    content["warnings"] += fit.warnings
    return json_text(content)
