"""Effective inputs: terms that replace an input of any law, such as repeated tokens."""

import copyreg
import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, cast

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.declarations import annotations_of, declared, flat_of
from farseer_jax.laws.domains import kind_of
from farseer_jax.laws.input_limits import InputLimit
from farseer_jax.laws.law import Law, spread
from farseer_jax.runs.inputs import Kind
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import as_leaf


class EffectiveInput(eqx.Module):
    """An effective size or amount of data: a function of inputs that replaces an input of a law.

    Write a class with its parameters as fields, annotated by their domains as for a :class:`Law`,
    and ``value(self, …)``, whose arguments are inputs. The input that it replaces may be among
    them. A ``Domain`` with a range of starts for each parameter lets fits keep the starts of the
    law itself.

    Attributes:
        name: its name in files and in the shell; the class's name by default.
        formula: the formula in one line, for reports.
        limits: conditions on the inputs, in addition to those of their kinds.

    Example:
        >>> import farseer_jax as fj
        >>> class Streams(fj.EffectiveInput):
        ...     k: fj.Positive
        ...
        ...     def value(self, N, P):
        ...         return N * (1 + self.k * (P - 1))
        >>> law = fj.with_effective(fj.Chinchilla, N=Streams)
        >>> law.name, list(law.inputs()), law.parameter_names()[-1]
        ('chinchilla(N=Streams)', ['N', 'P', 'D'], 'k')
    """

    name: ClassVar[str] = ""
    formula: ClassVar[str] = ""
    replaces: ClassVar[str] = ""
    limits: ClassVar[tuple[InputLimit, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    def __init__(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, as_leaf(value))

    def value(self, *args: Any, **inputs: Any) -> Any:
        """The effective input; define it with inputs as arguments."""
        raise NotImplementedError

    @classmethod
    def inputs(cls) -> dict[str, Kind]:
        """Names of the inputs, with their kinds."""
        arguments = list(inspect.signature(cls.value, eval_str=True).parameters.values())[1:]
        return {a.name: kind_of(a.annotation) or "positive" for a in arguments}


_Replaced = tuple[tuple[str, type[EffectiveInput]], ...]


class _EffectiveType(type(Law)):  # type: ignore[misc]
    """The metaclass of laws of effective inputs, with its own way of pickling."""


class EffectiveLaw(Law, metaclass=_EffectiveType):
    """A law of effective inputs, made by :func:`with_effective`.

    Attributes:
        base: the law.
        replaced: the inputs that are replaced, and by what.
        key: what the class is made from.
    """

    base: ClassVar[type[Law]]
    replaced: ClassVar[_Replaced] = ()
    key: ClassVar[Any] = None

    def loss(self, **inputs: Any) -> Any:
        """The law's loss at the effective inputs."""
        kind = type(self)
        base = kind.base.with_shares(dict(kind.shares))
        own = {name: getattr(self, name) for name, _, _ in declared(base)}
        law, inner = base(**own), self.effective(inputs)
        if not base.linear():
            return law.loss(**inner)
        # a loss computed from curves hides that it is a sum of terms
        terms = zip(base.linear(), law.terms(**inner), strict=True)
        return sum(getattr(self, name) * term for name, term in terms)

    def effective(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of the law itself."""
        found = {name: inputs[name] for name in type(self).base.inputs() if name in inputs}
        for name, kind in type(self).replaced:
            term = kind(**{own: getattr(self, own) for own, _, _ in declared(kind)})
            found[name] = term.value(**{own: inputs[own] for own in kind.inputs()})
        return {name: jnp.asarray(value) for name, value in found.items()}

    @classmethod
    def inputs(cls) -> dict[str, Kind]:
        """The inputs of the law that are not replaced, and those of the effective inputs."""
        replaced = dict(cls.replaced)
        found: dict[str, Kind] = {}
        for name, kind in cls.base.inputs().items():
            found |= replaced[name].inputs() if name in replaced else {name: kind}
        return found

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "EffectiveLaw":
        """The starts of the law, with effective inputs drawn from their ranges of starts."""
        base = cls.base.with_shares(dict(cls.shares))
        num = len(base.parameter_names())
        ranges = {name: own.domain.start for name, own in flat_of(cls)[num:]}
        if not set(base.inputs()) <= set(runs.inputs) or None in ranges.values():
            raise NotImplementedError
        law = base.starts(runs, cube[:, :num])
        drawn = {
            name: spread(cube, num + i, *own)
            for i, (name, own) in enumerate(ranges.items())
            if own is not None
        }
        return cls(**{name: getattr(law, name) for name, _, _ in declared(base)}, **drawn)


def with_effective(
    law: type[Law], *, name: str | None = None, **replaced: type[EffectiveInput]
) -> type[Law]:
    """The law of effective inputs: ``L(N, D_eff)`` instead of ``L(N, D)``.

    Args:
        law: the law's class, whose parameters are numbers; it may have effective inputs already.
        name: its name in files and in the shell; by default it names its parts, as in
            ``"chinchilla(D=repeated-tokens)"``. It must not be a name of the library's laws.
        **replaced: inputs of the law, each with the :class:`EffectiveInput` that replaces it.

    Returns:
        A law with the parameters and the inputs of all its parts.

    Raises:
        ValueError: the law has no such input, two parameters have the same name, or the name is
            one of the library's.
        TypeError: not a law whose parameters are numbers, or not an effective input.

    Example:
        >>> import farseer_jax as fj
        >>> law = fj.with_effective(fj.Coupled, D=fj.RepeatedTokens)
        >>> list(law.inputs()), law.parameter_names()[-1]
        (['N', 'D', 'U'], 'R_D')
    """
    _check(law, replaced)
    base, shares = law, dict(law.shares)
    if issubclass(law, EffectiveLaw) and not set(replaced) & _inputs_of_terms(law.replaced):
        # one law, however many steps it is made in, whose name tells all its parts
        base, replaced = law.base, {**dict(law.replaced), **replaced}
    ordered = tuple((own, replaced[own]) for own in base.inputs() if own in replaced)
    made = _effective_law(base, ordered, None if name == _default_name(base, ordered) else name)
    _refuse_taken_names(name, ordered)
    return made.with_shares(shares) if base is not law and shares else made


def _inputs_of_terms(replaced: _Replaced) -> set[str]:
    return {name for _, kind in replaced for name in kind.inputs()}


def _default_name(law: type[Law], replaced: _Replaced) -> str:
    return f"{law.name}({', '.join(f'{own}={kind.name}' for own, kind in replaced)})"


def _refuse_taken_names(name: str | None, replaced: _Replaced) -> None:
    """Refuse names by which files would be read as another law."""
    from farseer_jax.laws.registry import EFFECTIVE_INPUTS, is_library_law

    for _, kind in replaced:
        if EFFECTIVE_INPUTS.get(kind.name, kind) is not kind:
            raise ValueError(
                f"{kind.__name__}: {kind.name!r} is an effective input of the library; give "
                "the class another name"
            )
    if name is not None and is_library_law(name):
        raise ValueError(
            f"name: {name!r} is a law of the library; choose another name, or leave it out"
        )


@cache
def _effective_law(law: type[Law], replaced: _Replaced, name: str | None) -> type[Law]:
    """One class for each combination: JAX compiles by class."""
    annotations: dict[str, Any] = {}
    for kind in (law, *(kind for _, kind in replaced)):
        annotations |= annotations_of(kind)
    parts = ", ".join(f"{own}={kind.name}" for own, kind in replaced)
    formulas = [law.formula, *(f"{n} → {kind.formula or kind.name}" for n, kind in replaced)]
    own = {n: a for n, a in annotations.items() if n in _numbers(law, replaced)}
    space = {
        "__module__": __name__,
        "__annotations__": own,
        "__doc__": f"{law.name} of effective inputs: {parts}.",
        "name": name or _default_name(law, replaced),
        "formula": "; ".join(formulas),
        "base": law,
        "replaced": replaced,
        "key": (law, replaced, name),
        "published_objective": law.published_objective,
        "response_link": law.response_link,
        "limits": _limits(law, replaced),
    }
    return cast(type[Law], _EffectiveType("EffectiveLaw", (EffectiveLaw,), space))


def _limits(law: type[Law], replaced: _Replaced) -> tuple[InputLimit, ...]:
    """The limits of the effective inputs, and those of the law for inputs that are not replaced."""
    kept = [own for own in law.limits if not set(own.inputs) & set(dict(replaced))]
    return tuple(dict.fromkeys([*kept, *(own for _, kind in replaced for own in kind.limits)]))


def _numbers(law: type[Law], replaced: _Replaced) -> list[str]:
    return [n for kind in (law, *(kind for _, kind in replaced)) for n, _, _ in declared(kind)]


def _check(law: object, replaced: Mapping[str, type[EffectiveInput]]) -> None:
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(f"expected a law's class such as `Chinchilla`, got {law!r}")
    if [n for n, _, _ in declared(law)] != [field.name for field in law.fields()]:
        raise TypeError(
            f"the law {law.name} has parameters that are not numbers of its own, so its inputs "
            "cannot be replaced: use another law, such as Coupled"
        )
    for name, kind in replaced.items():
        if name not in law.inputs():
            raise ValueError(
                f"the law {law.name} has the inputs {', '.join(law.inputs())}, not {name!r}"
            )
        if not (isinstance(kind, type) and issubclass(kind, EffectiveInput)):
            raise TypeError(f"{name}: expected a class of effective inputs, got {kind!r}")
    if not replaced:
        raise ValueError("expected an effective input, such as D=RepeatedTokens, got none")
    names = _numbers(law, tuple(replaced.items()))
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"the parameter {twice[0]!r} occurs twice: rename it in one of the parts")


def _rebuilt(key: Any, shares: Any) -> type[Law]:
    law = _effective_law(*key)
    return law.with_shares(dict(shares)) if shares else law


def _reduce(law: Any) -> Any:
    """Pickle the class by what it is made from, since no module contains it."""
    return law.__qualname__ if law is EffectiveLaw else (_rebuilt, (law.key, law.shares))


copyreg.pickle(_EffectiveType, _reduce)
