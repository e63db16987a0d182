"""Figures in files: checked before anything is computed, and drawn from the result."""

import contextlib
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import NumberRange, option
from farseer_jax.cli.output import STANDARD_OUTPUT, Output, check_target

_ENDINGS = (".png", ".pdf", ".svg")
_DPI = 200  # of a PNG


def save_option(text: str = "", **settings: Any) -> click.Option:
    """``--save FILE``.

    Args:
        text: of the help, before the endings.
        settings: further arguments of ``click.Option``.
    """
    text = text or "Draw a figure"
    return option("--save figure", "FILE", f"{text}: PNG, PDF or SVG by the ending.", **settings)


def figure_options(save: click.Option) -> list[click.Option]:
    """``--save FILE`` and ``--save-width MM``.

    Args:
        save: the first of them.
    """
    return [
        save,
        option(
            "--save-width",
            NumberRange(60, 600),
            "Width of the figure in millimetres, such as 85 for a column of a paper and 180 for a "
            "page.",
            metavar="MM",
        ),
    ]


def check_figure(target: str | None, others: Iterable[Any]) -> None:
    """Check that a figure can be drawn and written, before anything is computed.

    Args:
        target: file that ``--save`` names.
        others: other files that are read or written.

    Raises:
        Refusal: the file cannot be written.
    """
    if target is None:
        return
    if Path(target).suffix.lower() not in _ENDINGS:
        raise Refusal(
            f"cannot draw {target!r}: expected a file that ends in .png, .pdf or .svg, got "
            f"{Path(target).suffix or 'no ending'}"
        )
    paths = [Path(own) for own in others if own not in (None, STANDARD_OUTPUT)]
    if Path(target) in paths:
        raise Refusal(f"--save and another option name the same file {target!r}; name two files")
    check_target(target, paths, "name another")


def draw(
    output: Output,
    function: str,
    target: str,
    arguments: Mapping[str, Any],
    *,
    width: float | None = None,
) -> None:
    """Draw a result and write the figure, completely or not at all.

    Args:
        output: the result, and arguments for its figure.
        function: the function of ``farseer_jax.plots`` that draws it.
        target: file that ``--save`` names.
        arguments: further arguments of the function.
        width: of the figure, in millimetres.
    """
    quieten_matplotlib()
    import matplotlib as mpl

    mpl.use("agg")  # no screen
    from matplotlib import pyplot as plt

    from farseer_jax import plots
    from farseer_jax.results.files import written_aside

    own = output.result if output.drawn is None else output.drawn
    drawing = getattr(plots, output.figure or function)
    with contextlib.nullcontext() if width is None else plots.figure_width(width):
        axes = drawing(own, **output.drawing, **arguments)
    figure = (axes[0] if isinstance(axes, tuple) else axes).figure
    with written_aside(target) as aside:
        figure.savefig(aside, format=Path(target).suffix.lower().removeprefix("."), dpi=_DPI)
    plt.close(figure)
    click.echo(f"Figure written to {target}", err=True)


def quieten_matplotlib() -> None:
    """Have Matplotlib not say that it cannot write a folder for its cache."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
