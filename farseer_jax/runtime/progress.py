"""Progress of long fits: always reported, shown on request."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


_Show = Callable[[int, int], None]
_show: ContextVar[_Show | None] = ContextVar("show", default=None)


def report(done: int, total: int) -> None:
    """Report ``done`` of ``total`` starts or refits; ``done=0`` begins a new count."""
    show = _show.get()
    if show is not None:
        show(done, total)


@contextmanager
def unreported() -> Iterator[None]:
    """Suppress reports inside the block: the caller counts this work itself."""
    token = _show.set(None)
    try:
        yield
    finally:
        _show.reset(token)


@contextmanager
def counted_from(before: int, total: int) -> Iterator[None]:
    """Count the work inside the block as part of a larger total.

    Args:
        before: how many were done before the block.
        total: the larger total.
    """
    show = _show.get()

    def part(done: int, _: int) -> None:
        if show is not None and done > 0:
            show(before + done, total)

    token = _show.set(part)
    try:
        yield
    finally:
        _show.reset(token)


@contextmanager
def progress_bar(console: "Console | None" = None) -> Iterator[None]:
    """Show a progress bar, with rate and time left, for the fits inside the block.

    The bar counts the starts of a fit or the refits of a batch. Without it the library prints
    nothing; nothing is shown either if standard error is not a terminal.

    Args:
        console: the rich console to draw on; None is standard error.

    Example:
        >>> from farseer_jax import Chinchilla, Restarts, example_runs, fit, progress_bar
        >>> with progress_bar():
        ...     found = fit(Chinchilla, example_runs(), Restarts(num_starts=64))
        >>> found.outcome.name
        'success'
    """
    from rich.console import Console

    console = Console(stderr=True) if console is None else console
    bar: Any = _bar(console)
    with bar:
        token = _show.set(_shown_on(bar))
        try:
            yield
        finally:
            _show.reset(token)


def _bar(console: "Console") -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        console=console,
        disable=not console.is_terminal,
    )


def _shown_on(bar: Any) -> _Show:
    """Draw progress on one bar, reset by each fit."""
    task = bar.add_task("", total=None, visible=False, pace="")
    begin = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal begin
        if done == 0:
            begin = time.monotonic()
            bar.reset(task, total=total, visible=True, pace="")
            return
        # rich's own estimate needs three reports, and forgets those older than half a minute
        pace = _pace(done, total, time.monotonic() - begin)
        bar.update(task, completed=done, pace=pace)

    return show


def _pace(done: int, total: int, seconds: float) -> str:
    rate = done / max(seconds, 1e-9)
    number = f"{rate:,.0f}" if rate >= 10.0 else f"{rate:.2g}"
    if done == total:
        return f"{number}/s, took {timedelta(seconds=round(seconds))}"
    return f"{number}/s, {timedelta(seconds=round((total - done) / rate))} left"
