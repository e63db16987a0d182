# %% [markdown]
# # Your own runs: from a table to a decision
#
# What should be trained next: how large, on how many tokens, by which recipe? This notebook goes
# from a table of small runs to that decision, and every section ends with something to decide.
#
# Set the environment variable `RUNS` to your csv file, and change the four numbers at the end of
# the next cell. Without a file the notebook uses the embedded example, with other column names.

# %%
import os
import tempfile
import textwrap
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import farseer_jax as fj
from farseer_jax import plots

budget = 1e23  # FLOPs of the large run to decide on
small_change = 0.05 * budget  # FLOPs that may be spent on small runs first
worth_it = 0.25  # relative reduction of the interval that would justify them
sure_enough = 0.9  # probability that another recipe is better at which to switch to it

# %% [markdown]
# ## 1. What do these runs support?

# %%
path = os.environ.get("RUNS")
with tempfile.TemporaryDirectory() as folder:
    if path is None:
        path = Path(folder, "sweep.csv")
        table = (
            fj.example_runs().to_dataframe().set_axis(["n_params", "tokens", "val_loss"], axis=1)
        )
        table.to_csv(path, index=False)
    runs = fj.read_runs(path)
print(runs)

noise = fj.estimate_noise(runs)
print(noise)

# %% [markdown]
# The plan is Chinchilla's rule, 20 tokens per parameter. How far is it from the runs?

# %%
N_plan = np.sqrt(budget / (6 * 20))
D_plan = 20 * N_plan
largest_run = (6 * runs.N * runs.D).max()
print(f"plan: {N_plan / 1e9:.1f} B parameters on {D_plan / 1e9:.0f} B tokens")
print(
    f"largest size of the runs: {runs.N.max() / 1e9:.2f} B, {N_plan / runs.N.max():.1f} times less"
)
print(f"most compute of a run: {largest_run:.1e} FLOPs, {budget / largest_run:.1f} times less")

# %% [markdown]
# **Decide:** whether to go on. The paper had 21 sizes with 11 to 18 D each, noise of 0.05 %, and a
# target four times the largest size. The further your runs are from that, the less reliable is what
# follows. The warnings of a fit say what else is missing.

# %%
result = fj.fit(fj.Farseer, runs)
plots.plot_fit(result)
plt.show()
print(f"mean relative error of the fit: {result.mean_relative_error:.3%}")
for sentence in result.warnings or ["no warnings"]:
    print("-", textwrap.fill(sentence, 96, subsequent_indent="  "))

# %% [markdown]
# ## 2. Is the law right here?
#
# If it is, the residuals are noise: as large as the noise estimated without any law, and without a
# pattern.

# %%
residuals = fj.diagnose_residuals(result)
plots.plot_residuals(residuals)
plt.show()

pattern = residuals.against_D.mean_p_value < 0.01
print(
    f"residuals {residuals.total_rms:.3%}: noise {noise.pooled:.3%}, misfit {residuals.misfit:.3%}"
)
print(f"pattern along D: {'yes' if pattern else 'no'} (p = {residuals.against_D.mean_p_value:.2g})")
print(f"outliers: {len(residuals.outliers)}")
for i in residuals.outliers[:3]:
    where = f"N = {residuals.N[i]:.3g}, D = {residuals.D[i]:.3g}"
    print(f"  {where}: {residuals.residual[i]:+.2%}; look at its loss curve")

# %% [markdown]
# **Decide:** if the misfit is below the noise, without a pattern, trust the law between the runs.
# Otherwise it misses something: ignore differences smaller than the misfit.
#
# ## 3. Which law, beyond the runs?
#
# Not the one that fits best, but the one that has extrapolated best: fitted up to smaller sizes, it
# predicts the sizes above. These inner hold-outs choose; the largest size, which takes no part in
# that, tests the choice.

# %%
candidates = {
    "Farseer": (fj.Farseer, fj.Piecewise()),
    "Chinchilla": (fj.Chinchilla, fj.LeastSquares("huber")),
}
sizes = np.unique(runs.N)
extrapolation = fj.extrapolate(runs, candidates, limits=sizes[len(sizes) // 2 : -1])
plots.plot_extrapolation(extrapolation)
plt.show()

# %%
best, *others = extrapolation.leaderboard
for one in extrapolation.leaderboard:
    print(
        f"{one.name:12} {one.inner_error:.3%} on the inner hold-outs, best after {one.num_best} "
        f"limits; {one.held_out_error:.3%} at {runs.N.max() / 1e9:.2f} B"
    )
if best.name != "Farseer":
    result = fj.fit(candidates[best.name][0], runs, candidates[best.name][1])
print("from here on:", best.name)

# %% [markdown]
# **Decide:** the rest of this page uses the best candidate. Add your own laws and methods to
# `candidates`. If the order changes along the figure, go by its right end, which is nearest to the
# plan.
#
# ## 4. What loss would the plan reach?
#
# A bootstrap accounts for the noise. The misfit of the law is estimated from hold-outs as above,
# and widens the interval by the errors of such predictions.

# %%
refits = fj.bootstrap(result, 200, seed=1)
planned = refits.interval(N_plan, D_plan)
noise_only = refits.interval(N_plan, D_plan, kind="percentile")
loss, low, high = planned.estimate[0], planned.lower[0], planned.upper[0]

print(f"loss of the plan: {loss:.4f}, 90 % interval {low:.4f} to {high:.4f}")
print(f"of that, by noise alone: {noise_only.lower[0]:.4f} to {noise_only.upper[0]:.4f}")

# %%
N_line = np.geomspace(runs.N.min(), N_plan, 25)
band = refits.interval(N_line, 20 * N_line)
near = runs.select(mask=np.abs(np.log(runs.D / runs.N / 20)) < 0.2)
missed = near.loss / result.predict(near.N, near.D) - 1
ends = [100 * (end / band.estimate - 1) for end in (band.lower, band.upper)]

figure, axes = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
axes.fill_between(N_line / 1e9, *ends, color="#0072B2", alpha=0.25, lw=0, label="90 % interval")
axes.plot(near.N / 1e9, 100 * missed, "o", color="black", ms=3.5, label="runs near D = 20 N")
axes.plot(N_plan / 1e9, 0, "D", color="#D55E00", label="the plan", clip_on=False)
axes.axhline(0, color="#0072B2", lw=1, zorder=0)
axes.set(xscale="log", xlabel="parameters N, billions", ylabel="loss over its prediction − 1, %")
axes.set_xticks([0.2, 0.5, 1, 2, 5, 10, 20], ["0.2", "0.5", "1", "2", "5", "10", "20"])
axes.minorticks_off()
axes.spines[["top", "right"]].set_visible(False)
axes.legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# **Decide:** whether the worse end of the interval would still be worth the money. If not, train
# small runs first (section 7).
#
# ## 5. Is it the right split?
#
# The same budget, split for the lowest loss. The intervals are those of the refits' optima: noise
# alone. The optimum of another law for the same runs shows how much depends on the choice of
# section 3.

# %%
allocation = fj.allocate(refits, np.geomspace(budget / 1e3, budget, 13))
plots.plot_allocation(allocation)
plt.show()

ratio = allocation.tokens_per_parameter[-1]
span = allocation.intervals["tokens per parameter"]
N_best, D_best, lost = allocation.N[-1], allocation.D[-1], allocation.excess_at_20[-1]
print(
    f"best for {budget:.0e} FLOPs: {N_best / 1e9:.1f} B parameters on {D_best / 1e9:.0f} B tokens"
)
print(
    f"tokens per parameter: {ratio:.0f}, 90 % interval {span.lower[-1]:.0f} to {span.upper[-1]:.0f}"
)
print(f"loss that the rule of 20 gives away: {lost:.2%}")
print("inside the runs" if allocation.inside_data[-1] else "outside the runs: the law extrapolates")

rival = others[0].name
law, method = candidates[rival]
by_rival = fj.allocate(fj.fit(law, runs, method), [budget]).tokens_per_parameter[0]
print(f"tokens per parameter by {rival}: {by_rival:.0f}")

# %% [markdown]
# **Decide:** if the rule of 20 gives away less than the width of the interval of section 4, the
# loss does not settle the split. Then choose the smaller model if it will be used a lot: it is
# cheaper to run (`allocate(…, tokens_served=…)` takes this into account).
#
# ## 6. Does the better recipe stay better?
#
# A second recipe, trained on the same grid, is better in the small runs. Here it is simulated, from
# the law of the first with a lower `U` that falls more slowly with N, so that it has to lose
# somewhere. For yours, read its table instead.

# %%
first = fj.fit(fj.Farseer, runs)
U = first.law.U
slower = replace(U, level=U.level - 0.03, slope=0.9 * U.slope)
recipe = replace(first.law, U=slower)
second = fj.simulate(recipe, runs.N, runs.D, noise=noise.pooled, seed=2)

names = ("second", "first")
comparison = fj.compare_runs(second, runs, [(N_plan, D_plan)], names=names, comparable=True)
plots.plot_comparison(comparison)
plt.show()

# %%
(wins, losses), at_plan = comparison.num_wins, comparison.forecast
print(f"in the runs the second recipe is better at {wins} points, worse at {losses}:")
print(f"  by {-comparison.mean_difference:.2%} on average")
print(f"at the plan: {at_plan}")
for warning in comparison.warnings:
    print("-", textwrap.fill(warning, 96, subsequent_indent="  "))

# %% [markdown]
# **Decide:** switch only if the recipe is better at the plan by more than the cost of switching,
# and the winner is not undecided. If the difference shrinks with N, small runs flatter the new
# recipe.
#
# ## 7. What to train first?
#
# The small runs that most reduce the uncertainty of the plan's prediction, for a twentieth of the
# budget. None of them has been trained.

# %%
suggested = fj.suggest_runs(runs, (N_plan, D_plan), budget=small_change)
sizes_next = np.unique(suggested.inputs["N"])
print(suggested)

# %% [markdown]
# Its interval is that of `fj.forecast(runs)`, which accounts for correlated errors: compare "now"
# with "after", and neither with section 4.
#
# **Decide:** whether a narrower interval could change the decision. If it could not, these runs are
# not worth their compute.
#
# ## The decision

# %%
half = (high - low) / 2 / loss
target = suggested.targets[0]
narrower = 1 - (target.after[1] - target.after[0]) / (target.before[1] - target.before[0])
plan, other = (
    f"{N / 1e9:.1f} B parameters on {D / 1e9:.0f} B tokens"
    for N, D in ((N_plan, D_plan), (N_best, D_best))
)
paragraph = [
    f"For {budget:.0e} FLOPs the plan is {plan}. {best.name}, off by",
    f"{best.held_out_error:.2%} where that could be checked, predicts a loss of {loss:.4f} for it,",
    f"{low:.4f} to {high:.4f}.",
    f"The split with the lowest loss is {other}, D/N = {ratio:.0f} in place of 20.",
    f"It gains {lost:.2%}, {'more' if lost > half else 'less'} than the uncertainty of the",
    f"prediction (±{half:.2%}):",
    "train that." if lost > half else "the loss does not settle the split.",
]
if len(suggested):
    which = " and ".join(f"{N / 1e9:.2g} B" for N in sizes_next)
    paragraph += [
        f"{len(suggested)} small runs first, of {which}, for {suggested.spent / budget:.0%} of the",
        f"budget, would make the interval {narrower:.0%} narrower:",
        "train them." if narrower > worth_it else "not worth it.",
    ]
paragraph += [
    f"The second recipe wins {wins} of {wins + losses} small comparisons, and at the plan with a",
    f"probability of {at_plan.probability[0]:.0%}:",
    "switch to it." if at_plan.probability[0] > sure_enough else "stay with the first.",
]
print(textwrap.fill(" ".join(paragraph), 96))

# %%
unknown = [
    f"What this does not know: whether the law holds at {N_plan / runs.N.max():.1f} times the",
    "largest size; other data, tokenisers or schedules; what the model costs to serve; runs that",
    "diverge.",
    f"The interval of the split accounts for the noise of the runs only: {rival} would take",
    f"{by_rival:.0f} tokens per parameter.",
]
if pattern:
    unknown += [
        f"Residuals follow D: the law misses these runs by {residuals.misfit:.2%}, and differences",
        "below that mean nothing.",
    ]
print(textwrap.fill(" ".join(unknown), 96))
