"""The base class of scaling laws."""

import abc
import dataclasses
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.declarations import Parameter, fields_of, flat_of, inputs_of, linear_of
from farseer_jax.laws.input_limits import InputLimit
from farseer_jax.laws.law_inputs import column_of, input_of
from farseer_jax.objectives import Objective
from farseer_jax.results.numbers import number_text
from farseer_jax.runs.inputs import Kind
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import as_float, as_leaf, library_of
from farseer_jax.runtime.compiled import compiled
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array, ArrayLike

Shares = tuple[tuple[str, tuple[str, ...]], ...]


class Center(NamedTuple):
    """The centre of a set of runs; relative to it, parameters are nearly uncorrelated.

    Attributes:
        N: geometric mean of the sizes.
        D: geometric mean of the tokens.

    Example:
        >>> from farseer_jax import Center, example_runs
        >>> print(f"{Center.of(example_runs()).N:.2e}")
        1.13e+09
    """

    N: float
    D: float

    @classmethod
    def of(cls, runs: Runs) -> "Center":
        """The centre of these runs; for N, each size counts once."""
        return cls(
            N=float(np.exp(np.log(np.unique(runs.N)).mean())),
            D=float(np.exp(np.log(runs.D).mean())),
        )


class Law(eqx.Module):
    """A loss as a function of named inputs: its parameters as fields, its formula in ``loss``.

    A law is an immutable pytree whose leaves are its parameters: it can be differentiated, jitted
    and mapped over. It computes in the precision of the arrays it is called with.

    To define your own law, write a class with its parameters as fields, annotated by their domain
    (:data:`Positive`, :data:`Real`, :data:`Exponent`, :data:`Fraction` or a :class:`Domain`), and
    ``loss(self, …)``, whose arguments are the inputs: columns of the table of runs. Everything else
    is derived. Inputs are positive numbers unless annotated otherwise. A mixture is passed as an
    array with its shares on the last axis, a category as a one-hot array.

    Attributes:
        name: the law's name in files and in the shell; the class's name by default.
        formula: the formula in one line, for reports.
        published_parameters: published laws, by the name of what they were fitted to; the shares
            of a mixture are a dictionary.
        published_objective: what the authors of the law minimised.
        response_link: the link of the response where none is given: ``"log"``, or ``"identity"``
            for a law whose losses may be negative.
        limits: conditions on the inputs that their kinds do not say.

    Example:
        >>> import farseer_jax as fj
        >>> class Streams(fj.Law):
        ...     E: fj.Positive
        ...     A: fj.Positive
        ...     alpha: fj.Exponent
        ...
        ...     def loss(self, N, P):
        ...         return self.E + (self.A / (N * P)) ** self.alpha
        >>> Streams.inputs()
        {'N': 'positive', 'P': 'positive'}
        >>> round(float(Streams(E=1.0, A=1e8, alpha=0.5)(N=1e8, P=4)), 3)
        1.5
    """

    name: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    curve_headings: ClassVar[tuple[str, ...]] = ()  # of the curves of N that a report shows
    published_parameters: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    published_objective: ClassVar[Objective | str] = "squared"
    response_link: ClassVar[str] = "log"
    limits: ClassVar[tuple[InputLimit, ...]] = ()
    shares: ClassVar[Shares] = ()  # entries of mixtures and categories, once runs are known

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "log_loss" in cls.__dict__ and not cls.__module__.startswith("farseer_jax."):
            raise TypeError(
                f"the law {cls.__name__} defines `log_loss`: define `loss`, from which it follows"
            )
        derived = {"positive", "linear", "curve_parameters"}
        declared = [
            name for name in derived & set(cls.__dict__) if not callable(getattr(cls, name))
        ]
        if declared:
            raise TypeError(
                f"the law {cls.__name__} declares `{declared[0]}`, which is derived: annotate its "
                "parameters by their domains, such as E: Positive"
            )
        if "name" not in cls.__dict__ and not cls.__dict__.get("shares"):
            cls.name = cls.__name__

    def __init__(self, *values: Any, **named: Any) -> None:
        names = tuple(field.name for field in dataclasses.fields(self))
        given = dict(zip(names, values, strict=False)) | named
        if len(values) > len(names) or set(given) != set(names):
            raise TypeError(
                f"the law {type(self).__name__} has the parameters {', '.join(names)}; "
                f"got {', '.join(given) or 'none'}"
            )
        for name, value in given.items():
            is_curve = isinstance(value, eqx.Module)
            object.__setattr__(self, name, value if is_curve else as_leaf(value))

    def __repr__(self) -> str:
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if not all(isinstance(leaf, np.ndarray) and leaf.ndim == 0 for leaf in own.values()):
            return str(eqx.tree_pformat(self))
        numbers = ", ".join(f"{name}={float(leaf):.6g}" for name, leaf in own.items())
        return f"{type(self).__name__}({numbers})"

    @abc.abstractmethod
    def loss(self, *args: Any, **inputs: Any) -> Any:
        """The loss; define it with the law's inputs as arguments."""

    def __call__(self, *args: ArrayLike, **inputs: ArrayLike) -> Array:
        """The loss; inputs in the order of ``loss`` or by name, broadcastable."""
        return called_at_once(_loss, self, self.bound(args, inputs))

    def log_loss(self, *args: ArrayLike, **inputs: ArrayLike) -> Array:
        """The logarithm of the loss."""
        return jnp.log(self(*args, **inputs))

    @classmethod
    def named(cls, args: tuple[Any, ...], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs by name.

        Raises:
            TypeError: an input is missing or unknown.
        """
        names = tuple(cls.inputs())
        given = dict(zip(names, args, strict=False)) | dict(inputs)
        if len(args) > len(names) or set(given) != set(names):
            more = " and more" if len(args) > len(names) else ""
            raise TypeError(
                f"the law {cls.name} has the inputs {', '.join(names)}; "
                f"got {', '.join(given) or 'none'}{more}"
            )
        return {name: given[name] for name in names}

    @classmethod
    def bound(cls, args: tuple[Any, ...], inputs: Mapping[str, Any]) -> dict[str, Array]:
        """Inputs by name, as floating-point arrays with a common dtype."""
        arrays = {name: as_float(value) for name, value in cls.named(args, inputs).items()}
        dtype = jnp.result_type(*arrays.values())
        return {name: array.astype(dtype) for name, array in arrays.items()}

    @classmethod
    def inputs(cls) -> dict[str, Kind]:
        """Names of the inputs, with their kinds, in the order of ``loss``."""
        return dict(inputs_of(cls))

    @classmethod
    def fields(cls) -> tuple[Parameter, ...]:
        """The parameters as declared."""
        return fields_of(cls)

    @classmethod
    def parameter_names(cls) -> tuple[str, ...]:
        """Names of the scalar parameters, in the order of :meth:`to_vector`, such as ``C[web]``."""
        return tuple(name for name, _ in flat_of(cls))

    @classmethod
    def domains(cls) -> dict[str, Domain]:
        """The domain of each of :meth:`parameter_names`."""
        return {name: field.domain for name, field in flat_of(cls)}

    @classmethod
    def log_parameters(cls) -> tuple[str, ...]:
        """Parameters whose logarithm solvers search."""
        return tuple(name for name, field in flat_of(cls) if field.log)

    @classmethod
    def linear(cls) -> tuple[str, ...]:
        """Names of the parameters in which the loss is jointly linear, from its trace."""
        return linear_of(cls)

    def terms(self, *args: Any, **inputs: Any) -> tuple[Array, ...]:
        """The factor of each linear parameter in the loss; broadcastable with the inputs.

        By default these are derivatives of the loss, which do not depend on the linear parameters.
        A law may compute them more cheaply.
        """
        own, bound = type(self), self.bound(args, inputs)
        values = {name: jnp.asarray(getattr(self, name)) for name in own.parameter_names()}
        ones = {name: jnp.ones_like(values[name]) for name in own.linear()}

        def loss(linear: dict[str, Array]) -> Array:
            return jnp.asarray(own(**{**values, **linear}).loss(**bound))

        def along(name: str) -> Array:
            direction = {n: v if n == name else jnp.zeros_like(v) for n, v in ones.items()}
            return jax.jvp(loss, (ones,), (direction,))[1]

        return tuple(along(name) for name in ones)

    @classmethod
    def columns(cls, runs: Runs) -> dict[str, np.ndarray]:
        """The law's inputs at the runs: ``(run,)``, or ``(run, share)`` if a mixture or category.

        Raises:
            ValueError: the runs lack an input.
        """
        return {name: column_of(cls, runs, name, kind) for name, kind in cls.inputs().items()}

    @classmethod
    def of_runs(cls, runs: Runs) -> type[Self]:
        """The same law, with the shares and labels of the runs."""
        entries = dict(runs.shares)
        for name, kind in cls.inputs().items():
            if kind == "category":
                entries[name] = tuple(dict.fromkeys(map(str, input_of(cls, runs, name))))
        return cls.with_shares(entries)

    @classmethod
    def with_shares(cls, shares: Mapping[str, tuple[str, ...]]) -> type[Self]:
        """The same law, with these shares and labels for its mixtures and categories."""
        needed = [name for name, kind in cls.inputs().items() if kind in ("mixture", "category")]
        return _with_shares(cls, tuple((name, tuple(shares[name])) for name in needed))

    def to_vector(self) -> Array:
        """The parameters as unconstrained numbers, ``(parameter, …)``: logs of positive ones."""
        xp, rows = library_of(*jax.tree.leaves(self)), []
        for field in type(self).fields():
            value = xp.asarray(getattr(self, field.name))
            with np.errstate(divide="ignore", invalid="ignore"):  # as JAX does
                value = xp.log(value) if field.log else value
            rows += list(xp.moveaxis(value, -1, 0)) if field.along else [value]
        return xp.stack(rows)

    @classmethod
    def with_totals(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values of the fields, with the totals that they are declared to have.

        Args:
            values: by name of the field; entries along a mixture on the last axis.
        """
        own = dict(values)
        for field in cls.fields():
            entries = own[field.name]
            if field.total == 0.0:
                own[field.name] = entries - entries.mean(-1)[..., None]
            elif field.total == 1.0:
                own[field.name] = entries / entries.sum(-1)[..., None]
        return own

    @classmethod
    def from_vector(cls, vector: Array, center: Center | None = None) -> Self:
        """The inverse of :meth:`to_vector`.

        Args:
            vector: ``(parameter, …)``.
            center: centre of the runs, for laws that depend on it.
        """
        xp, values, row = library_of(vector), {}, 0
        for field in cls.fields():
            if field.along is None:
                value = vector[row]
            else:
                num = len(dict(cls.shares)[field.along])
                value = xp.moveaxis(xp.asarray(vector[row : row + num]), 0, -1)
            row += 1 if field.along is None else num
            with np.errstate(over="ignore", invalid="ignore"):
                value = xp.exp(value) if field.log else value
                is_weight = field.total == 1.0
                values[field.name] = value / xp.sum(value, -1)[..., None] if is_weight else value
        return cls(**values)

    def parameters(self) -> dict[str, Any]:
        """The parameters by name, float64; a parameter along a mixture is a dictionary."""
        entries = dict(type(self).shares)
        numbers: dict[str, Any] = {}
        for field in type(self).fields():
            value = np.asarray(getattr(self, field.name), float)
            labels = () if field.along is None else entries[field.along]
            numbers[field.name] = (
                dict(zip(labels, value.tolist(), strict=True)) if labels else float(value)
            )
        return numbers

    def parameter_lines(self) -> list[str]:
        """The parameters as lines of text."""
        kind = type(self)
        values = np.concatenate([np.ravel(getattr(self, field.name)) for field in kind.fields()])
        numbers = dict(zip(kind.parameter_names(), values.tolist(), strict=True))
        width = max(map(len, numbers))
        lines = (f"{name:<{width}}  {number_text(value)}" for name, value in numbers.items())
        return ["Parameters (too rounded here to compute with)", *lines]

    def warnings(self) -> list[str]:
        """Warnings about parameters that a fit by closed forms set to an end of their domain."""
        return []

    def exact_numbers(self) -> dict[str, Any]:
        """Further numbers for a file, if :meth:`parameters` lose digits."""
        return {}

    @classmethod
    def from_numbers(cls, content: Mapping[str, Any]) -> Self:
        """The law from :meth:`parameters` (``content["parameters"]``) and :meth:`exact_numbers`."""
        entries, numbers = dict(cls.shares), {}
        for field in cls.fields():
            value = content["parameters"][field.name]
            own = value if field.along is None else [value[label] for label in entries[field.along]]
            numbers[field.name] = np.asarray(own, dtype=np.float64)
        return cls(**numbers)

    @classmethod
    def published(cls, name: str | None = None) -> Self:
        """The law with published parameters.

        Args:
            name: which of :attr:`published_parameters`; None for the only one.

        Raises:
            ValueError: no such parameters were published, or there are several to choose from.

        Example:
            >>> from farseer_jax import Chinchilla
            >>> round(float(Chinchilla.published("Hoffmann et al.")(70e9, 1.4e12)), 3)
            1.937
        """
        known = cls.published_parameters
        if not known:
            raise ValueError(f"the law {cls.name} has no published parameters: fit it to runs")
        name = next(iter(known)) if name is None and len(known) == 1 else name
        spelt = {own.casefold(): own for own in known}
        name = None if name is None else spelt.get(name.casefold(), name)
        if name is None or name not in known:
            got = "none" if name is None else repr(name)
            raise ValueError(
                f"the law {cls.name}: expected the name of published parameters, "
                f"{' or '.join(map(repr, known))}, got {got}"
            )
        own = known[name]
        shares = {f.along: tuple(own[f.name]) for f in cls.fields() if f.along is not None}
        return cls.with_shares({**dict(cls.shares), **shares}).from_numbers({"parameters": own})

    @classmethod
    def centering(cls, center: Center | None) -> np.ndarray:
        """An upper triangular matrix whose product with the vector is better conditioned.

        For example, ``ln A`` and ``α`` of a term ``A · N^−α`` are correlated, whereas
        ``ln A − α ln N0`` and ``α`` hardly are.
        """
        return np.eye(len(cls.parameter_names()))

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> Self:
        """Starting points for solvers; by default they are drawn from the domains.

        Args:
            runs: the runs to fit, whose range and losses scale the starts.
            cube: points in the unit cube, ``(start, parameter)``, one per start.

        Returns:
            A law whose leaves have shape ``(start,)``.
        """
        raise NotImplementedError


def require_N_and_D(what: str, law: type[Law]) -> None:
    """Refuse a law whose inputs are not N and D.

    Args:
        what: what needs them, as the subject of a sentence: ``"allocate"``.
        law: the law's class.

    Raises:
        ValueError: the law has other inputs, or N and D in another order.
    """
    inputs = tuple(law.inputs())
    if inputs == ("N", "D"):
        return
    remedy = (
        "name them in this order, as in 'N, D | …'"
        if set(inputs) == {"N", "D"}
        else "fit a law over these two alone"
    )
    raise ValueError(
        f"{what} needs a law over N and D, and the law {law.name} has the "
        f"input{'s'[: len(inputs) != 1]} {', '.join(inputs)}: {remedy}"
    )


@compiled(static=("function",))
def _at_once(function: Any, law: Law, inputs: dict[str, Array]) -> Array:
    result: Array = function(law, inputs)
    return result


def called_at_once(function: Any, law: Law, inputs: dict[str, Array]) -> Array:
    """``function(law, inputs)``, compiled as one.

    Operation by operation, JAX would compile each of some thirty. Within a transformation of JAX
    the function is called as it is.
    """
    leaves = jax.tree.leaves((law, inputs))
    is_traced = any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
    result: Array = function(law, inputs) if is_traced else _at_once(function, law, inputs)
    return result


def _loss(law: Law, inputs: dict[str, Array]) -> Array:
    return jnp.asarray(law.loss(**inputs))


@cache
def _with_shares(law: type[Law], shares: Shares) -> Any:
    """One class per set of entries: JAX compiles by class."""
    if law.shares == shares:
        return law
    body = {"shares": shares, "__module__": law.__module__, "__doc__": law.__doc__}
    return types.new_class(law.__name__, (law,), exec_body=lambda space: space.update(body))


def batch_shape(law: Law) -> tuple[int, ...]:
    """The leading axes of a law's leaves: ``()`` for one law."""
    along = {field.name for field in type(law).fields() if field.along}
    for field in dataclasses.fields(law):
        leaf = jax.tree.leaves(getattr(law, field.name))[0]
        return np.shape(leaf)[:-1] if field.name in along else np.shape(leaf)
    return ()


def spread(cube: np.ndarray, column: int | slice, low: float, high: float) -> np.ndarray:
    """One column of the unit cube, scaled to ``[low, high]``."""
    return low + (high - low) * cube[:, column]
