"""Progress of long computations: always reported, shown on request."""

import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from rich.console import Console

_AFTER = 2.0  # seconds until a bar appears
_UNNAMED = "computing"
_WIDTH, _NARROW = 24, 80  # columns of the bar, and of a terminal for which this is too wide
# Events of JAX at the end of lowering, when compilation begins, and at its end.
_LOWERED = "/jax/core/compile/jaxpr_to_mlir_module_duration"
_COMPILED = "/jax/core/compile/backend_compile_duration"

_Item = TypeVar("_Item")
_Show = Callable[[int, int], None]
_show: ContextVar[_Show | None] = ContextVar("show", default=None)
_display: ContextVar["_Display | None"] = ContextVar("display", default=None)


def report(done: int, total: int) -> None:
    """Report ``done`` of ``total`` starts or refits; ``done=0`` begins a new count."""
    show = _show.get()
    if show is not None:
        show(done, total)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Name what happens inside the block, such as ``"fitting kaplan"``."""
    display = None if _show.get() is None else _display.get()
    if display is None:
        yield
        return
    display.begin(own := _Stage(name))
    try:
        yield
    finally:
        display.end(own)


def in_stages(name: str, items: Collection[_Item]) -> Iterator[_Item]:
    """The items, counted as they are used; what they report themselves is not shown.

    Args:
        name: what happens to each, such as ``"fitting laws"``.
        items: their number is the total.
    """
    display = None if _show.get() is None else _display.get()
    if display is None:
        yield from items
        return
    display.begin(own := _Stage(name, total=len(items), counts_itself=True))
    try:
        for item in items:
            yield item
            own.done, own.reported = own.done + 1, time.monotonic()
    finally:
        display.end(own)


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
def progress_bar(console: "Console | None" = None, *, after: float = _AFTER) -> Iterator[None]:
    """Show a progress bar for long computations inside the block.

    The bar names what is computed, counts fits, starts or refits, with their rate and the time
    left, and says when code is compiled. It disappears at the end of the block. Without this
    function, or if standard error is not a terminal, nothing is shown.

    Args:
        console: the rich console to draw on; None is standard error.
        after: seconds after which it appears.

    Example:
        >>> from farseer_jax import Chinchilla, Restarts, example_runs, fit, progress_bar
        >>> with progress_bar():
        ...     found = fit(Chinchilla, example_runs(), Restarts(num_starts=64))
        >>> found.outcome.name
        'success'
    """
    display = _Display(_standard_error() if console is None else console)
    timer = threading.Timer(after, display.appear)
    timer.daemon = True
    tokens = _show.set(display.count), _display.set(display)
    if display.is_visible:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        display.disappear()
        _show.reset(tokens[0])
        _display.reset(tokens[1])


def _standard_error() -> "Console":
    from rich.console import Console

    # FORCE_COLOR is for colours in files: a bar there would be a thousand lines
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return Console(stderr=True, force_terminal=is_terminal)


@cache
def _watch_compilations() -> None:
    import jax.monitoring

    jax.monitoring.register_event_duration_secs_listener(_compilation)


def _compilation(event: str, duration_secs: float, **_: str | int) -> None:
    display = _display.get()
    if display is not None and event in (_LOWERED, _COMPILED):
        display.num_compiling = max(display.num_compiling + (1 if event == _LOWERED else -1), 0)


@dataclass(eq=False)
class _Stage:
    """What is computed.

    Attributes:
        name: in words.
        done: how many of the total are done.
        total: None where nothing is counted.
        counts_itself: whether reports from inside are of parts of one item.
        begin: when it began.
        reported: when ``done`` last changed.
    """

    name: str
    done: int = 0
    total: int | None = None
    counts_itself: bool = False
    begin: float = field(default_factory=time.monotonic)
    reported: float = field(default_factory=time.monotonic)

    @property
    def is_counted(self) -> bool:
        """Whether it is known how much is left."""
        return self.total is not None and self.done < self.total

    def pace(self, now: float) -> str:
        """Rate and time left, or the time so far where they are unknown."""
        if not self.is_counted or not self.done:
            return _clock(now - self.begin)
        seconds = max(self.reported - self.begin, 1e-9)
        rate = self.done / seconds
        number = f"{rate:,.0f}" if rate >= 10.0 else f"{rate:.2g}"
        left = ((self.total or 0) - self.done) / rate - (now - self.reported)
        return f"{number}/s, {_clock(max(left, 0.0))} left"


class _Display:
    """Stages, of which the outermost that counts its items is drawn, else the innermost."""

    def __init__(self, console: "Console") -> None:
        self.console = console
        self.is_visible = console.is_terminal and not console.is_dumb_terminal
        self.stages, self.num_compiling = [_Stage(_UNNAMED)], 0
        self._bar: Any = None
        self._lock, self._has_ended = threading.Lock(), False

    def begin(self, own: _Stage) -> None:
        """Enter a stage."""
        if self.is_visible and "jax" in sys.modules:  # else nothing compiles yet
            _watch_compilations()
        self.stages.append(own)

    def end(self, own: _Stage) -> None:
        """Leave a stage."""
        self.stages.remove(own)

    def count(self, done: int, total: int) -> None:
        """Show a report of the stage."""
        own = self.shown
        if own.counts_itself:
            return
        own.done, own.total, own.reported = done, total, time.monotonic()
        if done == 0:
            own.begin = own.reported

    @property
    def shown(self) -> _Stage:
        """The stage that is drawn."""
        stages = [*self.stages]  # other threads change it
        return next((own for own in stages if own.counts_itself), stages[-1])

    def appear(self) -> None:
        """Draw from now on."""
        from rich.live import Live

        with self._lock:
            if self._bar is None and not self._has_ended:
                self._bar = Live(
                    get_renderable=self._drawn,
                    console=self.console,
                    refresh_per_second=8,
                    transient=True,
                    redirect_stdout=False,
                )
                self._bar.start(refresh=True)

    def disappear(self) -> None:
        """Remove the bar."""
        with self._lock:
            self._has_ended = True
            if self._bar is not None:
                self._bar.stop()

    def _drawn(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        own, now = self.shown, time.monotonic()
        name = f"{own.name}, compiling …" if self.num_compiling else own.name
        pulse, width = not own.is_counted, _WIDTH if self.console.width >= _NARROW else _WIDTH // 3
        bar = ProgressBar(own.total, own.done, width=width, pulse=pulse, animation_time=now)
        count = f"{own.done:,}/{own.total:,} " if own.is_counted else ""
        row = Table.grid(padding=(0, 1))
        row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        row.add_column(no_wrap=True, min_width=width)
        row.add_column(no_wrap=True, min_width=len(count) + len(pace := own.pace(now)))
        row.add_row(Text(name), bar, Text(f"{count}{pace}"))
        return row


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
