"""The checked arguments of ``optimise``, and the optimisation problem that they define."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.discrete_inputs import LabelledOptima, OptimisationProblem
from farseer_jax.decisions.input_constraints import Constraint, Cost
from farseer_jax.decisions.optimise_checks import (
    check_inputs,
    check_limits,
    constraints_of,
    ends_of,
    given_points,
    shares_of,
)
from farseer_jax.decisions.search_space import Space, space_of
from farseer_jax.laws.evaluate import by_column
from farseer_jax.laws.law import Law
from farseer_jax.laws.quantities import positive
from farseer_jax.runs.runs import Runs


@dataclass(frozen=True, eq=False)
class Arguments:
    """The arguments, checked when they are used; :attr:`problem` uses all.

    Attributes:
        law: the law's class.
        runs: the fitted runs, if there are any.
        over: the inputs to optimise.
        given: the other inputs.
        cost: the cost that the budgets limit.
        budget: the budgets.
        subject_to: further constraints.
        at_least: lower bounds.
        at_most: upper bounds.
        whole_simplex: whether to search mixtures outside the convex hull of the runs too.
        maximise: whether to maximise the response.
        seed: of the starts.
    """

    law: type[Law]
    runs: Runs | None
    over: tuple[str, ...]
    given: Mapping[str, Any]
    cost: Cost | None
    budget: ArrayLike | None
    subject_to: str | Sequence[str]
    at_least: Mapping[str, float]
    at_most: Mapping[str, float]
    whole_simplex: bool
    maximise: bool
    seed: int

    @cached_property
    def problem(self) -> OptimisationProblem:
        """The problem of all arguments.

        Raises:
            ValueError: as for :func:`optimise`.
        """
        check_inputs(self.law, self.over, self.given)
        kinds, constraints = self.law.inputs(), self.constraints
        known, num = given_points(self.law, self.over, self.given)
        budgets = np.ones(1) if self.budget is None else positive("budget", self.budget)
        if not len(budgets):
            raise ValueError("budget: expected at least one budget, got none")
        at_least = ends_of(self.law, self.over, self.at_least, "at_least")
        at_most = ends_of(self.law, self.over, self.at_most, "at_most")
        space = space_of(
            self.law,
            self.runs,
            [name for name in self.over if kinds[name] != "category"],
            (at_least, at_most),
            whole_simplex=self.whole_simplex,
        )
        check_limits(space, constraints, at_most)
        shares = {share for own in space.hulls for share in own.shares}
        limits = np.array([np.full(num * len(budgets), own.limit[0]) for own in constraints])
        if self.budget is not None:
            limits[0] = np.tile(budgets, num)
        return OptimisationProblem(
            space=space,
            categories={
                name: np.eye(len(shares_of(self.law, name)))
                for name in self.over
                if kinds[name] == "category"
            },
            constraints=constraints,
            known={name: np.repeat(own, len(budgets), axis=0) for name, own in known.items()},
            limits=limits.reshape(-1, num * len(budgets)),
            at_least={name: end for name, end in at_least.items() if name in shares},
            at_most={name: end for name, end in at_most.items() if name in shares},
            maximise=self.maximise,
            seed=self.seed,
        )

    @cached_property
    def constraints(self) -> tuple[Constraint, ...]:
        """The constraints, the cost first if there are budgets."""
        return constraints_of(self.law, self.over, self.cost, self.budget, self.subject_to)

    @property
    def space(self) -> Space:
        """The numbers and mixtures to optimise."""
        return self.problem.space

    @property
    def num_points(self) -> int:
        """How many points there are: each given one with each budget."""
        return self.problem.limits.shape[1]

    @property
    def budgets(self) -> np.ndarray | None:
        """The budget of each point; None without a cost."""
        return None if self.budget is None else self.problem.limits[0]

    @property
    def texts(self) -> list[str]:
        """The constraints in words."""
        return [own.text or f"{own.label} <= budget" for own in self.constraints]

    def columns(self, found: LabelledOptima) -> dict[str, np.ndarray]:
        """The optimum by column, in the order of the inputs."""
        own = self.space.by_column(found.optima.x)
        for name, places in found.labels.items():
            own[name] = np.array(shares_of(self.law, name), dtype=object)[places]
        columns = [
            column
            for name in self.over
            for column in ((name,) if name in own else shares_of(self.law, name))
        ]
        return {name: own[name] for name in columns}

    def points(self, found: LabelledOptima, rows: np.ndarray) -> dict[str, np.ndarray]:
        """All inputs of some of the points, as the law takes them."""
        own = self.space.inputs(found.optima.x) | dict(self.problem.known)
        for name, places in found.labels.items():
            own[name] = np.eye(len(shares_of(self.law, name)))[places]
        return {name: own[name][rows] for name in self.law.inputs()}

    @cached_property
    def given_columns(self) -> dict[str, np.ndarray]:
        """The given inputs by column."""
        known, kinds = self.problem.known, self.law.inputs()
        filled = {
            name: known.get(
                name, np.ones((self.num_points, max(len(shares_of(self.law, name)), 1)))
            )
            for name in kinds
        }
        columns = [
            column
            for name in known
            for column in (shares_of(self.law, name) if kinds[name] == "mixture" else (name,))
        ]
        every = by_column(self.law, filled)
        return {name: every[name] for name in columns}
