"""Every figure of ``farseer_jax.plots``, of results that are cheap and computed once."""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

import farseer_jax as fj
from farseer_jax import plots


class Results:
    """What the figures draw, computed when it is first drawn."""

    at = (25.1e9, 5e11)

    @cached_property
    def runs(self) -> fj.Runs:
        """Every other run of the example's smaller sizes, whose losses have noise."""
        runs = fj.example_runs(noise=1e-3)
        return runs.select(mask=np.arange(len(runs)) % 2 == 0)

    @cached_property
    def small(self) -> fj.Runs:
        return self.runs.select(max_N=4e9)

    @cached_property
    def large(self) -> fj.Runs:
        return self.runs.select(min_N=4.5e9)

    @cached_property
    def few(self) -> fj.Runs:
        return self.large.select(mask=np.arange(len(self.large)) < 9)

    @cached_property
    def fit(self) -> fj.Fit:
        return fj.fit(fj.Farseer, self.small)

    @cached_property
    def chinchilla(self) -> fj.Fit:
        return fj.fit(fj.Chinchilla, self.small)

    @cached_property
    def with_outliers(self) -> fj.Fit:
        loss = self.small.loss.copy()
        loss[[7, 40, 71]] *= 1.02
        return fj.fit(fj.Chinchilla, fj.Runs(self.small.N, self.small.D, loss))

    @cached_property
    def bootstrap(self) -> fj.Bootstrap:
        return fj.bootstrap(self.fit, 32, seed=0)

    @cached_property
    def extrapolation(self) -> fj.Extrapolation:
        return fj.extrapolate(self.runs, [fj.Farseer, fj.Chinchilla], limits=[1e9, 2e9, 4e9])

    @cached_property
    def comparison(self) -> fj.FitComparison:
        a = fj.Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        b = fj.Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        names = ("the mixture of last year", "the new mixture")
        return fj.compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12), names=names)

    @cached_property
    def compared_fits(self) -> fj.FitComparison:
        return fj.compare_fits(self.fit, self.with_outliers, N=(2e8, 3e10), D=(1e9, 1e12))

    @cached_property
    def compared_runs(self) -> fj.RunComparison:
        other = fj.Runs(self.small.N, self.small.D, self.small.loss * 1.004)
        return fj.compare_runs(self.small, other)

    @cached_property
    def counts(self) -> Any:
        runs = self.runs
        extra = {"N_total": runs.N + 4e5 * runs.N ** (1 / 3)}
        return fj.compare_counts(fj.Runs(runs.N, runs.D, runs.loss, extra), held_out=4e9)

    @cached_property
    def allocations(self) -> list[fj.Allocation]:
        budgets = np.geomspace(1e19, 1e25, 13)
        return [fj.allocate(own, budgets) for own in (self.fit, self.chinchilla)]

    @cached_property
    def choices(self) -> Any:
        return fj.compare_choices(
            self.fit, *self.at, groups=["count", "size", "D", "criterion", "pairs"]
        )

    @cached_property
    def differences(self) -> Any:
        return fj.analyse_differences(fj.example_runs())

    @cached_property
    def forms(self) -> Any:
        return fj.choose_forms(fj.example_runs(), transforms=["log", "power"])

    @cached_property
    def forecast(self) -> fj.Forecast:
        return fj.forecast(self.small, self.at)

    @cached_property
    def observed_forecast(self) -> fj.Forecast:
        return fj.forecast(self.small, self.large, usual=False)

    @cached_property
    def accuracies(self) -> Any:
        tasks = "easy_acc,medium_acc"
        return fj.forecast_accuracy(fj.example_tasks(), [(7e9, 2e12)], tasks=tasks, chance=0.25)

    @cached_property
    def ranked(self) -> Any:
        table = fj.example_tasks(recipe="both")
        return fj.forecast_accuracy(table, [(7e9, 2e12)], tasks="easy_acc,guess_acc", by="recipe")

    @cached_property
    def influence(self) -> fj.Influence:
        return fj.influence(self.with_outliers, self.at)

    @cached_property
    def methods(self) -> Any:
        candidates = {"Farseer": (fj.Farseer, None), "Chinchilla": (fj.Chinchilla, None)}
        return fj.compare_methods(self.small, self.large, candidates)

    @cached_property
    def starts(self) -> Any:
        found = fj.fit(fj.Chinchilla, self.small, fj.LeastSquares(num_starts=16))
        return {"centred form": found.diagnostics}

    @cached_property
    def several_starts(self) -> Any:
        """Of two optima, with starts that failed."""
        values = np.array([2.0] * 9 + [2.2] * 4 + [5.0, 9.0, np.inf])
        outcome = np.array([0] * 13 + [1, 2, 3])
        return fj.StartReport(2.0, values, outcome, np.full(16, 9), 0)

    @cached_property
    def scattered(self) -> fj.Fit:
        rng = np.random.default_rng(0)
        N = np.repeat(np.geomspace(5e7, 5e9, 40), 2)[:70]
        D = N * np.exp(rng.uniform(1.0, 5.0, len(N)))
        loss = fj.Chinchilla(E=1.7, A=400.0, B=400.0, alpha=0.34, beta=0.28)(N, D)
        loss = np.asarray(loss) * np.exp(2e-3 * rng.standard_normal(len(N)))
        loss[33] *= 1.2
        return fj.fit(fj.Chinchilla, fj.Runs(N, D, loss), fj.LeastSquares(num_starts=8))

    @cached_property
    def suggestions(self) -> fj.Suggestions:
        return fj.suggest_runs(self.forecast, self.at, budget=2e22)

    @cached_property
    def curve_fit(self) -> fj.CurveFit:
        """The last of three runs is still going."""
        *complete, last = fj.example_curves()
        return fj.fit_curves(fj.Curves([*complete, last.truncated(14_400)]), "multi-power")

    @cached_property
    def annealed(self) -> fj.AnnealedLosses:
        return fj.anneal_curves(self.curve_fit)

    @cached_property
    def optimal_schedule(self) -> fj.OptimalSchedule:
        return fj.optimise_schedule(self.curve_fit, 6_000, knots=20)

    @cached_property
    def sized_curve_fit(self) -> fj.CurveFit:
        """Two sizes, of which the larger run is still going."""
        curves = []
        for own in fj.example_curves():
            for name, N, factor in (("small", 25e6, 1.1), ("large", 4e8, 0.9)):
                losses, inputs = factor * own.losses, {"N": N}
                curves.append(
                    dataclasses.replace(
                        own, name=f"{name} {own.name}", losses=losses, inputs=inputs
                    )
                )
        *complete, last = curves
        return fj.fit_curves(fj.Curves([*complete, last.truncated(14_400)]), "annealing")

    @cached_property
    def optimum(self) -> Any:
        return fj.optimise(self.chinchilla, ["N", "D"], budget=1e22)

    @cached_property
    def best_mixture(self) -> fj.Optimum:
        shares = {"h": ("h_web", "h_code", "h_mathematics", "h_dialogue", "h_encyclopaedia")}
        law = fj.law("N, h | (E + A/N**a)/sum(c[h]*h**g[h])").with_shares(shares)
        c, g = np.array([0.4, 0.5, 0.1, 0.2, 0.3]), np.array([0.2, 0.6, 1.2, 0.9, 0.7])
        given = {"N": [1e9, 1e10]}
        return fj.optimise(
            law(E=1.7, A=300.0, a=0.33, c=c, g=g), "h", given=given, whole_simplex=True
        )

    @cached_property
    def residuals(self) -> Any:
        return fj.diagnose_residuals(self.fit)

    @cached_property
    def far_residuals(self) -> Any:
        return fj.diagnose_residuals(self.with_outliers)

    @cached_property
    def shape(self) -> fj.Shape:
        return fj.check_shape(self.fit, N=(2e8, 1e13), D=(1e9, 1e15))


DOMAIN: Any = {"N": (2e8, 1e13), "D": (1e9, 1e15)}


def of(*values: Any, **options: Any) -> tuple[Any, Any]:
    """What a figure is given."""
    return values, options


FIGURES: dict[str, Callable[[Results], tuple[Any, Any]]] = {
    "plot_accuracy": lambda r: of(r.accuracies),
    "plot_accuracy, recipes": lambda r: of(r.ranked),
    "plot_allocation": lambda r: of(r.allocations),
    "plot_annealed": lambda r: of(r.annealed),
    "plot_choices": lambda r: of(r.choices),
    "plot_comparison": lambda r: of(r.comparison),
    "plot_comparison, fits": lambda r: of(r.compared_fits),
    "plot_comparison, runs": lambda r: of(r.compared_runs),
    "plot_comparison_surface": lambda r: of(r.comparison),
    "plot_comparison_surface, fits": lambda r: of(r.compared_fits),
    "plot_counts": lambda r: of(r.counts),
    "plot_curves": lambda r: of(r.fit, r.bootstrap),
    "plot_curves, law alone": lambda r: of(r.chinchilla),
    "plot_differences": lambda r: of(r.differences),
    "plot_differences, exponent": lambda r: of(r.differences, show="exponent"),
    "plot_error_by_value": lambda r: of(r.extrapolation),
    "plot_extrapolation": lambda r: of(r.extrapolation),
    "plot_fit": lambda r: of(r.fit, r.large),
    "plot_fit, scattered": lambda r: of(r.scattered),
    "plot_forecast": lambda r: of(r.forecast),
    "plot_forecast, observed": lambda r: of(r.observed_forecast),
    "plot_forms": lambda r: of(r.forms),
    "plot_influence": lambda r: of(r.influence),
    "plot_inspection": lambda r: of(fj.inspect_table(fj.example_runs())),
    "plot_line": lambda r: of(r.comparison.line(D=1e11)),
    "plot_loss_curves": lambda r: of(r.curve_fit),
    "plot_loss_curves, sizes": lambda r: of(r.sized_curve_fit),
    "plot_map": lambda r: of(r.fit, r.large),
    "plot_map, few": lambda r: of(r.fit, r.few),
    "plot_map, fitted runs": lambda r: of(r.with_outliers),
    "plot_methods": lambda r: of(r.methods),
    "plot_optimum": lambda r: of(r.optimum),
    "plot_optimum, mixture": lambda r: of(r.best_mixture),
    "plot_predictability": lambda r: of(r.ranked),
    "plot_prediction": lambda r: of(r.forecast),
    "plot_prediction, compute": lambda r: of(r.forecast, "C", given={"D/N": [20, 100]}),
    "plot_prediction, optimal split": lambda r: of(r.chinchilla, "C", targets=r.few),
    "plot_residuals": lambda r: of(r.far_residuals),
    "plot_residuals, offsets": lambda r: of(r.residuals, "offsets", "D"),
    "plot_residuals, curve": lambda r: of(r.residuals, "curve"),
    "plot_schedule": lambda r: of(r.optimal_schedule),
    "plot_shape": lambda r: of(r.shape),
    "plot_shape, loss": lambda r: of(r.shape, "loss"),
    "plot_starts": lambda r: of(r.starts),
    "plot_starts, two optima": lambda r: of(r.several_starts),
    "plot_suggestions": lambda r: of(r.suggestions),
    "plot_surface": lambda r: of(r.fit, **DOMAIN),
    "plot_surface, derivative": lambda r: of(r.fit, of="N", **DOMAIN),
    "plot_views": lambda r: of(r.differences),
}  # fmt: skip


def draw(name: str, results: Results, **options: Any) -> Any:
    """Draw a figure of :data:`FIGURES`: a function of ``plots`` and, after a comma, the case."""
    values, own = FIGURES[name](results)
    return getattr(plots, name.partition(",")[0])(*values, **own, **options)
