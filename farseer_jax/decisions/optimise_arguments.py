"""The arguments of ``optimise``, checked: what is varied, what is given, and what limits it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.discrete_inputs import Answer, Question
from farseer_jax.decisions.input_constraints import (
    Constraint,
    Cost,
    cost_of,
    inequality,
    limited,
)
from farseer_jax.decisions.search_space import SCALES, space_of
from farseer_jax.laws.evaluate import by_column, flat_points
from farseer_jax.laws.law import Law
from farseer_jax.laws.quantities import positive
from farseer_jax.runs.runs import Runs


def names_of(argument: str, names: str | Sequence[str]) -> tuple[str, ...]:
    """Names of inputs, each once.

    Raises:
        ValueError: no names.
    """
    found = (names,) if isinstance(names, str) else tuple(names)
    if not found or not all(isinstance(name, str) for name in found):
        raise ValueError(
            f"{argument}: expected names of inputs, such as 'h' or ['N', 'D'], got {names!r}"
        )
    return tuple(dict.fromkeys(found))


class Asked:
    """The arguments, checked, and the question that they make."""

    def __init__(
        self,
        law: type[Law],
        runs: Runs | None,
        over: tuple[str, ...],
        given: Mapping[str, Any],
        cost: Cost | None,
        budget: ArrayLike | None,
        subject_to: str | Sequence[str],
        at_least: Mapping[str, float],
        at_most: Mapping[str, float],
        whole_simplex: bool,
        seed: int,
    ) -> None:
        self.law, self.runs, self.over = law, runs, over
        self._check_inputs(given)
        self.constraints = self._constraints(cost, budget, subject_to)
        self.budgets = None if budget is None else positive("budget", budget)
        self.cost = self.constraints[0].label if budget is not None else ""
        known, num = self._points(given)
        num_budgets = 1 if self.budgets is None else len(self.budgets)
        self.known = {name: np.repeat(own, num_budgets, axis=0) for name, own in known.items()}
        self.num_points = num * num_budgets
        if self.budgets is not None:
            self.budgets = np.tile(self.budgets, num)
        self.ends = self._ends(at_least, "at_least"), self._ends(at_most, "at_most")
        kinds = law.inputs()
        self.space = space_of(
            law, runs, [name for name in over if kinds[name] != "category"], self.ends,
            whole_simplex=whole_simplex,
        )  # fmt: skip
        self._check_limits()
        shares = {share for own in self.space.hulls for share in own.shares}
        limits = [
            self.budgets if k == 0 and self.budgets is not None else
            np.full(self.num_points, own.limit[0]) for k, own in enumerate(self.constraints)
        ]  # fmt: skip
        self.question = Question(
            space=self.space,
            categories={
                name: np.eye(len(self.labels(name))) for name in over if kinds[name] == "category"
            },
            constraints=self.constraints,
            known=self.known,
            limits=np.array(limits).reshape(-1, self.num_points),
            at_least={name: end for name, end in self.ends[0].items() if name in shares},
            at_most={name: end for name, end in self.ends[1].items() if name in shares},
            seed=seed,
        )

    def labels(self, name: str) -> tuple[str, ...]:
        """The labels of a category."""
        return dict(self.law.shares)[name]

    def _check_inputs(self, given: Mapping[str, Any]) -> None:
        names = tuple(self.law.inputs())
        shares = {share: name for name, own in self.law.shares for share in own}
        for argument, own in (("over", self.over), ("given", tuple(given))):
            for name in own:
                if name in names:
                    continue
                more = (
                    f"; {name!r} is a share of {shares[name]!r}: name the whole mixture"
                    if name in shares
                    else ""
                )
                raise ValueError(
                    f"{argument}: unknown input {name!r}{more}; the law {self.law.name} has the "
                    f"inputs {', '.join(names)}"
                )
        if both := [name for name in given if name in self.over]:
            raise ValueError(
                f"given: {both[0]!r} is optimised (over) as well; leave it out of one of the two"
            )
        if missing := [name for name in names if name not in given and name not in self.over]:
            raise ValueError(
                f"given: the law {self.law.name} also needs {', '.join(missing)}; give a value of "
                f"each, such as given={{{missing[0]!r}: …}}, or add it to over"
            )

    def _constraints(
        self, cost: Cost | None, budget: ArrayLike | None, subject_to: str | Sequence[str]
    ) -> tuple[Constraint, ...]:
        texts = [subject_to] if isinstance(subject_to, str) else list(subject_to)
        found = [inequality(self.law, text) for text in texts]
        if budget is None:
            if cost is not None:
                raise ValueError("budget: give the most that the cost may be, such as budget=1e21")
            return tuple(found)
        if cost is None:
            if not {"N", "D"} <= set(self.law.inputs()):
                raise ValueError(
                    f"cost: give what the budget limits, in the law's inputs "
                    f"{', '.join(self.law.inputs())}"
                )
            cost = "6*N*D"
        return (cost_of(self.law, cost), *found)

    def _points(self, given: Mapping[str, Any]) -> tuple[dict[str, np.ndarray], int]:
        """The given inputs, checked and broadcast, and how many points they are."""
        kinds = self.law.inputs()
        filled = dict(given)
        for name in self.over:
            num = len(dict(self.law.shares).get(name, (0,)))
            filled[name] = np.full(num, 1.0 / num) if kinds[name] == "mixture" else 1.0
            if kinds[name] == "category":
                filled[name] = self.labels(name)[0]
        flat, _ = flat_points(self.law, (), filled)
        known = {name: own for name, own in flat.items() if name in given}
        for name in known:
            if kinds[name] == "count" and (known[name] != np.round(known[name])).any():
                raise ValueError(f"{name}: expected whole numbers, got {given[name]!r}")
        if {"U", "D"} <= set(known) and (known["U"] > known["D"]).any():
            place = int(np.argmax(known["U"] > known["D"]))
            raise ValueError(
                f"U: {known['U'][place]:g} unique tokens are more than the {known['D'][place]:g} "
                "tokens D that are trained on; give U up to D"
            )
        return known, len(next(iter(flat.values())))

    def _ends(self, ends: Mapping[str, float], argument: str) -> dict[str, float]:
        kinds = self.law.inputs()
        shares = {
            s
            for name, own in self.law.shares
            for s in own
            if name in self.over and kinds[name] == "mixture"
        }
        numbers = {n for n in self.over if kinds[n] not in ("mixture", "category")}
        found = {}
        for name, value in ends.items():
            if name not in shares | numbers:
                raise ValueError(
                    f"{argument}: {name!r} is not optimised; choose from "
                    f"{', '.join([*numbers, *sorted(shares)]) or 'no input'}"
                )
            is_share = name in shares or kinds.get(name) == "fraction"
            least = 0.0 if is_share else 1.0 if kinds[name] == "count" else -np.inf
            number = float(value)
            positive_kind = name in numbers and kinds[name] == "positive"
            is_outside = number < least or (is_share and number > 1.0)
            if not np.isfinite(number) or is_outside or (positive_kind and number <= 0.0):
                what = (
                    "a positive number"
                    if positive_kind
                    else (
                        "a number from 1"
                        if least == 1.0
                        else "a finite number"
                        if least < 0
                        else "a share from 0 to 1"
                    )
                )
                raise ValueError(f"{argument}: expected {what} for {name!r}, got {value!r}")
            found[name] = number
        return found

    def _check_limits(self) -> None:
        """Refuse N and D that nothing limits."""
        known = limited(self.constraints) | set(self.ends[1])
        loose = [own.name for own in self.space.numbers if own.name in SCALES and
                 own.name not in known]  # fmt: skip
        if loose:
            raise ValueError(
                f"over: nothing limits {' and '.join(loose)}, and the loss falls with "
                f"{'them' if len(loose) > 1 else 'it'}; give a budget, such as budget=1e21 with "
                f"cost='6*N*D', or at_most={{{loose[0]!r}: …}}"
            )

    def refuse_infeasible(self, found: Answer) -> None:
        """Refuse constraints that nothing satisfies.

        Raises:
            ValueError: there is no point with an optimum.
        """
        optima = found.optima
        if np.isfinite(optima.loss).any():
            return
        if not (optima.excess > 0.0).any():
            raise ValueError("the law has no finite loss at any of the starts; narrow the ranges")
        texts = [
            own.text or f"{own.label} <= {limit:g}"
            for own, limit in zip(self.constraints, self.question.limits[:, 0], strict=True)
        ]
        least = ""
        if len(texts) == 1 and not (self.question.at_least or self.question.at_most):
            limit = self.question.limits[0, 0] * np.exp(optima.excess[0])
            least = f", where {self.constraints[0].label} is at least {limit:.4g}"
        sought = "; ".join(
            f"{own.name} from {own.text(own.lower)} to {own.text(own.upper)}"
            for own in self.space.numbers
        )
        where = f" ({sought})" if sought else ""
        raise ValueError(
            f"no {', '.join(self.over)} within the ranges{where} satisfies "
            f"{' and '.join(texts) or 'the ends of the shares'}{least}; raise the limit or widen "
            "the ranges (at_least, at_most)"
        )

    def columns(self, found: Answer) -> dict[str, np.ndarray]:
        """The optimum by column."""
        by_column_ = self.space.by_column(found.optima.x)
        labels = {
            name: np.array(self.labels(name), dtype=object)[places]
            for name, places in found.labels.items()
        }
        order = {name: k for k, name in enumerate(self.over)}
        shares = {s: order[own.name] for own in self.space.hulls for s in own.shares}
        names = sorted((by_column_ | labels), key=lambda n: order.get(n, shares.get(n, 0)))
        return {name: (by_column_ | labels)[name] for name in names}

    def points(self, found: Answer, rows: np.ndarray) -> dict[str, np.ndarray]:
        """All inputs of some of the points, as the law takes them."""
        own = {name: values[rows] for name, values in self.space.inputs(found.optima.x).items()}
        for name, places in found.labels.items():
            own[name] = np.eye(len(self.labels(name)))[places[rows]]
        known = {name: values[rows] for name, values in self.known.items()}
        return {name: (own | known)[name] for name in self.law.inputs()}

    @cached_property
    def given_columns(self) -> dict[str, np.ndarray]:
        """The given inputs by column."""
        kinds = self.law.inputs()
        filled = {
            name: self.known.get(name, np.eye(len(dict(self.law.shares).get(name, (0,))))[:1]
                                 .repeat(self.num_points, axis=0)
                                 if kinds[name] in ("mixture", "category")
                                 else np.ones(self.num_points))
            for name in kinds
        }  # fmt: skip
        every = by_column(self.law, filled)
        own = {
            column
            for name in self.known
            for column in (dict(self.law.shares)[name] if kinds[name] == "mixture" else (name,))
        }
        return {name: values for name, values in every.items() if name in own}
