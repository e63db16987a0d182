"""How the kernels are compiled: by what they do, never by how many refits there are.

Options change last digits, so each operation has its own: a fit of one, a block of refits, and
either with searches over few candidates or over many.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.methods.piecewise.layout import Layout
from farseer_jax.methods.piecewise.stage1 import Gathered
from farseer_jax.runtime.compiled import compiled as compiled_by_jax
from farseer_jax.runtime.compiler_options import accepted
from farseer_jax.solvers.search import Grid
from farseer_jax.types import Array

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.method import Piecewise


Options = dict[str, Any]
Kernel = Callable[..., Any]
CACHED = 48  # refits whose sums over candidates a core's cache holds
_MOST_ROUNDS = 3  # that one kernel serves


class Counts(NamedTuple):
    """Settings that a kernel takes as numbers: others of them compile nothing.

    Attributes:
        num_rounds: rounds of Stage 2; of the joint minimum 1.
        min_pairs: pairs that a size needs.
    """

    num_rounds: Array | int
    min_pairs: Array | int


# One LLVM module instead of dozens: the same code, a third less time to compile on a CPU.
_ONE_MODULE: Options = {"xla_cpu_parallel_codegen_split_count": 1}
# XLA's older emitters: a third less time again. Loops over thousands of candidates are half as fast
# with them, all others as fast as with the newer ones.
_OLDER_EMITTERS: Options = {"xla_cpu_use_fusion_emitters": False}
# What one fit takes is mostly the calls of its many small loops, which optimisation does not spare.
_LESS_OPTIMISED: Options = {"xla_backend_optimization_level": 1}
_WHOLE_VECTORS: Options = {
    # XLA's own loops for sums: YNNPACK's interpret small ones, several times slower
    "xla_cpu_experimental_ynn_fusion_type": "",
    # whole registers, where the processor has wide ones: a seventh faster
    "xla_cpu_prefer_vector_width": 512,
}


def compiled(kernel: Kernel, *, block: bool, optimised: bool = True) -> Kernel:
    """A kernel ``(layout, runs, options) → solution``, compiled by how the options search.

    One that fits takes the counts of its options as numbers as well.

    Args:
        kernel: pure.
        block: whether it is for a block of refits.
        optimised: whether its searches of few candidates are worth all optimisation.
    """
    many = {**_ONE_MODULE, **_WHOLE_VECTORS}
    few = {
        **(many if block else _ONE_MODULE),
        **_OLDER_EMITTERS,
        **({} if optimised else _LESS_OPTIMISED),
    }
    whole = _in_turn(kernel) if block else kernel
    of_many, of_few = (
        compiled_by_jax(static=("options",), compiler_options=accepted(options))(whole)
        for options in (many, few)
    )

    def call(layout: Layout, runs: Gathered, options: "Piecewise") -> Any:
        chosen = of_many if _many_candidates(options) else of_few
        return chosen(layout, runs, options) if block else chosen(layout, runs, *_apart(options))

    return call


def _in_turn(kernel: Kernel) -> Kernel:
    """The kernel for one part of a block after another, where the parts are whole.

    A call costs as much as some forty refits, which a part should not exceed.
    """

    def call(layout: Layout, runs: Gathered, options: "Piecewise") -> Any:
        if runs.loss.shape[-1] % CACHED:
            return kernel(layout, runs, options)

        def parts(values: Array) -> Array:
            return jnp.moveaxis(values.reshape(*values.shape[:-1], -1, CACHED), -2, 0)

        found = jax.lax.map(lambda part: kernel(layout, part, options), Gathered(*map(parts, runs)))
        return jax.tree.map(jnp.ravel, found)

    return call


def _apart(options: "Piecewise") -> tuple["Piecewise", Counts]:
    """What a kernel is compiled for, and what it takes as numbers."""
    rounds = options.rounds
    most: Any = rounds if isinstance(rounds, str) else max(rounds, _MOST_ROUNDS)
    counts = Counts(1 if isinstance(rounds, str) else rounds, options.min_pairs)
    return replace(options, rounds=most, min_pairs=2), counts


def _many_candidates(options: "Piecewise") -> bool:
    """Whether a search walks over hundreds of candidates, for a grid or for kinks."""
    kinked = options.criterion == "relative" or options.falling_B
    return kinked or any(isinstance(s, Grid) for s in (options.search, options.search_U))
