"""Accuracies against the loss on each task, and how predictable each task is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from farseer_jax.accuracy.accuracy_forecast import AccuracyForecast
from farseer_jax.accuracy.chain import Chain
from farseer_jax.accuracy.chain_draws import inputs_at
from farseer_jax.accuracy.chain_table import AVERAGE
from farseer_jax.accuracy.predictability import VERDICTS, Predictability
from farseer_jax.accuracy.step import AccuracyStep
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import NARROW, legend_outside
from farseer_jax.plots.style import COLOURS, GREY, INK, grid_of, one_of, ordered_colours
from farseer_jax.results.numbers import level_text, quantity_text

_MOST_PANELS, _MOST_TASKS = 12, 30
_MOST_COLUMNS = 4
_NUM_DRAWN = 120
_MANY_SIZES = 8
_VERDICTS = {"predictable": COLOURS[2], "not predictable": COLOURS[1], "at chance": GREY,
             "not shown": GREY}  # fmt: skip


@draws(AccuracyForecast, Chain, example="forecast_accuracy(runs, points)")
def plot_accuracy(
    forecast: AccuracyForecast | Chain,
    recipe: str | None = None,
    axes: Sequence[Axes] | None = None,
) -> tuple[Axes, ...]:
    """The accuracy on each task against its loss: runs, the law, and predictions with intervals.

    Losses decrease to the right. Runs are coloured by size, or by recipe if there are several. A
    dotted line is the chance level. If there are many tasks, the first ones are drawn.

    Args:
        forecast: from :func:`forecast_accuracy` or :func:`chain`.
        recipe: which recipe to draw; all unless given.
        axes: axes to draw on, one for each task; new ones by default.

    Returns:
        The axes, one for each task.

    Raises:
        ValueError: no task is predicted from a loss, or the recipe is unknown.

    Example:
        >>> import farseer_jax as fj
        >>> from farseer_jax.plots import plot_accuracy
        >>> found = fj.forecast_accuracy(fj.example_tasks(), [(7e9, 2e12)])
        >>> axes = plot_accuracy(found)
        >>> [own.get_title("left") for own in axes]
        ['easy_acc', 'medium_acc', 'hard_acc', 'guess_acc', 'average of tasks']
    """
    chains = _chains_of(forecast, recipe)
    first = next(iter(chains.values()))
    tasks = [task for task in first.tasks if _step_with_loss(first, task) is not None]
    if not tasks:
        raise ValueError(
            "no accuracy is predicted from a loss, so there is no loss to draw it against"
        )
    tasks = tasks[:_MOST_PANELS] if AVERAGE not in tasks else [*tasks[: _MOST_PANELS - 1], AVERAGE]
    tasks = list(dict.fromkeys(tasks))
    cols = min(len(tasks), _MOST_COLUMNS if len(tasks) > _MOST_COLUMNS else 3)
    cols = 2 if len(tasks) == _MOST_COLUMNS else cols
    rows = -(-len(tasks) // cols)
    spare = rows * cols - len(tasks)
    size = (2.4 * cols + 0.9, 2.25 * rows + 0.5) if len(tasks) > 1 else (5.0, 3.8)
    shape = (1, len(tasks)) if axes is not None else (rows, cols)
    with grid_of(axes, shape, size, 2.3 * len(tasks)) as grid:
        for own in grid[len(grid) - spare :] if spare else ():
            own.remove()
        panels = grid[: len(tasks)]
        for panel, task in zip(panels, tasks, strict=True):
            _draw_task(panel, chains, task)
        for place, panel in enumerate(panels):
            panel.set_ylabel("accuracy, %" if place % cols == 0 or axes is not None else "")
        _add_legend(panels, chains, grid[len(tasks)] if spare and axes is None else None)
    return tuple(panels)


def _chains_of(forecast: AccuracyForecast | Chain, recipe: str | None) -> dict[str, Chain]:
    """What is drawn, by the names of the recipes."""
    if isinstance(forecast, Chain):
        if recipe is not None:
            raise ValueError("recipe: a chain has no recipes; leave it out")
        return {"": forecast}
    if recipe is not None:
        one_of("recipe", recipe, forecast.labels)
        return {recipe: forecast.of(recipe)}
    return dict(zip(forecast.labels, forecast.chains, strict=True))


def _step_with_loss(chain: Chain, task: str) -> AccuracyStep | None:
    """The step of a task that predicts from a loss."""
    found = [step for step in chain.of_task(task) if step.source >= 0]
    return max(found, key=lambda step: step.share) if found else None


def _loss_name(step: AccuracyStep) -> str:
    return next(iter(type(step.law).inputs()))


def _draw_task(axes: Axes, chains: dict[str, Chain], task: str) -> None:
    for place, chain in enumerate(chains.values()):
        step = _step_with_loss(chain, task)
        if step is None:
            continue
        colour = COLOURS[place % len(COLOURS)] if len(chains) > 1 else INK
        _draw_runs(axes, step, None if len(chains) == 1 else colour)
        _draw_law(axes, chain, step, colour)
        _draw_points(axes, chain, step, COLOURS[1] if len(chains) == 1 else colour)
        if np.isfinite(step.chance) and place == 0:
            axes.axhline(100 * step.chance, color=GREY, lw=0.9, ls=":", zorder=1)
    axes.set_title(task)
    axes.margins(x=0.04, y=0.06)
    axes.invert_xaxis()
    some = next(iter(chains.values()))
    step = _step_with_loss(some, task)
    axes.set_xlabel("loss" if step is None else some.losses[step.source])


def _draw_runs(axes: Axes, step: AccuracyStep, colour: str | None) -> None:
    loss, accuracy = step.runs.inputs[_loss_name(step)], 100 * step.runs.accuracy
    look: dict[str, Any] = {"s": 15, "lw": 0, "zorder": 3}
    if colour is not None:
        axes.scatter(loss, accuracy, color=colour, alpha=0.45, **look)
        return
    sizes, of = np.unique(step.runs.size, return_inverse=True)
    axes.scatter(loss, accuracy, c=ordered_colours(len(sizes))[of], **look)


def _draw_law(axes: Axes, chain: Chain, step: AccuracyStep, colour: str) -> None:
    loss = step.runs.inputs[_loss_name(step)]
    ends = np.append(chain.loss[step.source], [np.nanmin(loss), np.nanmax(loss)])
    along = np.linspace(np.nanmin(ends), np.nanmax(ends), _NUM_DRAWN)
    points = {name: x[:1] for name, x in chain.points.items()}
    values = evaluate(step.law, **inputs_at(step, points, along))
    axes.plot(along, 100 * np.clip(values, *step.bounds), color=colour, lw=1.3, zorder=2)


def _draw_points(axes: Axes, chain: Chain, step: AccuracyStep, colour: str) -> None:
    """Predictions with their intervals in both directions."""
    place = chain.tasks.index(step.task)
    loss, predicted = chain.loss[step.source], chain.predicted[:, place]
    low, high = (own[:, place] for own in chain.ends())
    drawn = chain.loss_draws[step.source]
    ends = np.quantile(drawn, [0.5 - 0.5 * chain.level, 0.5 + 0.5 * chain.level], axis=0)
    look: dict[str, Any] = {"color": colour, "lw": 1.1, "zorder": 4}
    axes.vlines(loss, 100 * low, 100 * high, **look)
    axes.hlines(100 * predicted, ends[0], ends[1], **look)
    axes.scatter(
        loss, 100 * predicted, marker="D", s=24, color=colour, edgecolor="white", lw=0.6, zorder=5
    )


def _add_legend(panels: Sequence[Axes], chains: dict[str, Chain], spare: Axes | None) -> None:
    """The legend, in place of a spare panel or below all panels."""
    chain = next(iter(chains.values()))
    dot: dict[str, Any] = {"marker": "o", "ls": "", "ms": 4}
    handles = []
    if len(chains) > 1:
        handles += [
            Line2D(
                [],
                [],
                color=COLOURS[place % len(COLOURS)],
                label=label,
                lw=1.3,
                marker="o",
                ms=4,
            )
            for place, label in enumerate(chains)
        ]
        mark = INK
    else:
        sizes = np.unique(chain.steps[0].runs.size)
        colours = ordered_colours(len(sizes))
        kept = np.unique(np.linspace(0, len(sizes) - 1, _MANY_SIZES).round().astype(int))
        handles += [
            Line2D([], [], color=colours[k], label=quantity_text(float(sizes[k])), **dot)
            for k in kept
        ]
        mark = COLOURS[1]
    label = f"predicted, {level_text(chain.level)} interval"
    handles.append(Line2D([], [], color=mark, marker="D", ms=4.5, lw=1.1, mec="white", label=label))
    if any(np.isfinite(step.chance) for step in chain.steps):
        handles.append(Line2D([], [], color=GREY, lw=0.9, ls=":", label="chance level"))
    figure: Any = panels[0].get_figure(root=True)
    if spare is not None:
        box = spare.get_subplotspec().get_position(figure)  # type: ignore[union-attr]
        figure.legend(
            handles=handles,
            loc="center",
            bbox_to_anchor=(box.x0 + box.width / 2, box.y0 + box.height / 2),
        )
    elif len(panels) > 1:
        ncols = 2 if figure.get_figwidth() < NARROW else 5
        figure.legend(handles=handles, loc="outside lower center", ncols=ncols)
    else:
        panels[0].legend(handles=handles, loc="upper left")


@draws(AccuracyForecast, example="forecast_accuracy(runs, points)")
def plot_predictability(
    forecast: AccuracyForecast, axes: Sequence[Axes] | None = None
) -> tuple[Axes, ...]:
    """How well each task was predicted from smaller runs, and which recipe is best.

    A dot is the mean error of predictions of larger runs from smaller ones, a ring that of
    repeating the accuracy of the largest smaller run; the grey bar is the scatter of runs. Tasks
    are in the order of how much a prediction gains. With several recipes, errors are means over
    them, the verdict is the worst, and bars at the right are the probabilities that each recipe is
    the best at the last point.

    Args:
        forecast: from :func:`forecast_accuracy`.
        axes: axes to draw on, two where there are several recipes; new ones by default.

    Returns:
        The axes.

    Example:
        >>> import farseer_jax as fj
        >>> from farseer_jax.plots import plot_predictability
        >>> found = fj.forecast_accuracy(fj.example_tasks(recipe="both"), by="recipe")
        >>> len(plot_predictability(found))
        2
    """
    rows = _mean_rows(forecast)
    has_ranks = forecast.ranking is not None
    shape = (1, 2) if has_ranks else (1, 1)
    height = 1.9 + 0.3 * len(rows)
    with grid_of(axes, shape, (9.0 if has_ranks else 5.6, height), 2.0 * height) as grid:
        _draw_errors(grid[0], rows, len(forecast.chains))
        if has_ranks:
            _draw_ranks(grid[1], forecast, [row.task for row in rows])
    return tuple(grid)


def _mean_rows(forecast: AccuracyForecast) -> list[Predictability]:
    """One row per task, in the order of what a prediction gains.

    Errors are means over recipes, and the verdict is the worst of them.
    """
    found = []
    tasks = dict.fromkeys(own.task for own in forecast.predictability)
    for task in tasks:
        own = [row for row in forecast.predictability if row.task == task]
        found.append(
            own[0]._replace(
                error=float(np.mean([row.error for row in own])),
                error_of_largest=float(np.mean([row.error_of_largest for row in own])),
                scatter=float(np.mean([row.scatter for row in own])),
                verdict=max((row.verdict for row in own), key=VERDICTS.index),
            )
        )
    gains = [row.error / max(row.error_of_largest, 1e-9) for row in found]
    order = np.argsort(np.nan_to_num(gains, nan=np.inf), kind="stable")[:_MOST_TASKS]
    return [found[k] for k in order]


def _draw_errors(axes: Axes, rows: list[Predictability], num_recipes: int) -> None:
    places = np.arange(len(rows))
    scatter = [100 * row.scatter for row in rows]
    axes.barh(places, scatter, height=0.55, color="#dddddd", zorder=1, label="scatter of runs")
    error, largest = (
        [100 * getattr(row, n) for row in rows] for n in ("error", "error_of_largest")
    )
    colours = [_VERDICTS[row.verdict] for row in rows]
    several = num_recipes > 1
    mean = f", mean of {num_recipes} recipes" * several
    axes.hlines(places, error, largest, color=colours, lw=1.4, alpha=0.5, zorder=2)
    axes.scatter(largest, places, s=26, facecolor="white", edgecolor=colours, lw=1.2, zorder=3)
    axes.scatter(error, places, s=28, color=colours, lw=0, zorder=4)
    axes.set(
        yticks=places, yticklabels=[row.task for row in rows], ylim=(len(rows) - 0.4, -0.6),
        xlabel="mean error, points", title="Larger runs predicted from smaller ones",
    )  # fmt: skip
    axes.set_xlim(left=0.0)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    dot: dict[str, Any] = {"marker": "o", "ls": ""}
    handles = [
        Line2D([], [], color=INK, ms=5, label=f"predicted{mean}", **dot),
        Line2D([], [], ms=5, mfc="white", mec=INK, label="largest run repeated", **dot),
        Line2D([], [], color="#dddddd", lw=6, label="scatter of runs"),
    ]
    shown = [own for own in VERDICTS if own in {row.verdict for row in rows}]
    for own in shown:
        label = f"{own} for {'all' if own == VERDICTS[0] else 'some'}" if several else own
        handles.append(Line2D([], [], color=_VERDICTS[own], lw=2.5, label=label))
    legend_outside(axes, handles=handles)


def _draw_ranks(axes: Axes, forecast: AccuracyForecast, tasks: list[str]) -> None:
    ranking = forecast.ranking
    assert ranking is not None
    places = np.arange(len(tasks))
    columns = [ranking.tasks.index(task) for task in tasks]
    share = 100 * ranking.probability[:, -1][:, columns]
    left = np.zeros(len(tasks))
    for recipe, label in enumerate(ranking.labels):
        colour = COLOURS[recipe % len(COLOURS)]
        axes.barh(
            places, share[recipe], left=left, height=0.62, color=colour, alpha=0.85, label=label
        )
        left += share[recipe]
    where = ", ".join(f"{n} {quantity_text(float(x[-1]))}" for n, x in forecast.points.items())
    axes.set(
        yticks=places, yticklabels=tasks, ylim=(len(tasks) - 0.4, -0.6), xlim=(0, 100),
        xlabel="probability of being the best, %", title=f"Best recipe at {where}",
    )  # fmt: skip
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
    legend_outside(axes)
