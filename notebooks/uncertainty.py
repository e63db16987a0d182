# %% [markdown]
# # How certain is a prediction?
#
# A fit gives one number for a run that has not been trained. Four things can change that number:
# the noise of the runs, the law, the runs themselves and the choices of the analyst. This notebook
# looks at each in turn.

# %%
import matplotlib.pyplot as plt
import numpy as np

import farseer_jax as fj
from farseer_jax.plots import plot_choices, plot_curves, plot_influence

# %% [markdown]
# The runs are the embedded example without its largest size, so that there is something to check
# against. The target is that size: 6.37 B, and further out 25.1 B.

# %%
everything = fj.example_runs()
runs = everything.select(max_N=5.5e9)
result = fj.fit(fj.Farseer, runs)

target = (6.37e9, 5e11)
far = (25.1e9, 5e11)
print(f"{result.predict(*target):.5f} {result.predict(*far):.5f}")

# %% [markdown]
# ## 1. The noise of the runs
#
# Train the same run twice, and the losses differ. This noise can be estimated from the runs
# themselves, without any law: the losses of a size are smooth in D, and the noise is not.

# %%
print(fj.estimate_noise(runs))

# %% [markdown]
# What does that noise do to a prediction? A bootstrap refits the law to 500 versions of the
# table.

# %%
refits = fj.bootstrap(result, 500, seed=1)
print(refits.interval([target[0], far[0]], 5e11, kind="percentile"))

# %% [markdown]
# The nine parameters scatter widely; the curves hardly do. Never interpret a parameter without its
# interval, and prefer the curve.

# %%
plot_curves(result, refits)
plt.show()

# %% [markdown]
# ## 2. The law
#
# Every refit above assumes that the law is exact. If it is not, all of them are wrong in the same
# way, and resampling cannot show it. Hold-outs can: leave the largest sizes out, predict them, and
# compare. The default intervals are calibrated by such hold-outs.

# %%
print(refits.interval([target[0], far[0]], 5e11))
print(refits.calibration)

# %% [markdown]
# The further the extrapolation, the wider the interval. Here it is with the true law of the
# example:

# %%
N = np.geomspace(1e9, 1e11, 25)
band = refits.interval(N, 5e11)
truth = np.asarray(fj.example_law()(N, 5e11))

figure, axes = plt.subplots(figsize=(6, 3.5))
axes.fill_between(N, band.lower / truth - 1, band.upper / truth - 1, alpha=0.25, label="90 %")
axes.plot(N, band.estimate / truth - 1, label="prediction")
axes.axhline(0.0, color="black", lw=0.8, label="the truth")
axes.axvline(runs.N.max(), color="grey", lw=0.8, ls=":", label="largest size fitted")
axes.set(xscale="log", xlabel="N (parameters)", ylabel="loss, relative to the truth")
axes.legend(loc="upper left", fontsize=8)
plt.show()

# %% [markdown]
# ## 3. Which runs?
#
# The fit is differentiable, so the influence of each run's noise is known without refitting.

# %%
found = fj.influence(result, far)
print(found)
plot_influence(found)
plt.show()

# %% [markdown]
# The same derivatives give standard errors in milliseconds, where a bootstrap takes seconds.

# %%
bars = fj.error_bars(result)
print(f"{100 * bars.standard_error(*far) / result.predict(*far):.3f} % at 25.1 B")

# %% [markdown]
# ## 4. Which choices?
#
# One choice is changed at a time: a size left out, another criterion, another method.

# %%
choices = fj.compare_choices(result, *far, groups=["size", "smallest", "criterion", "rounds"])
plot_choices(choices)
plt.show()

# %% [markdown]
# ## What to report
#
# The calibrated interval, the noise, the largest effect of a choice, and how far the target is
# outside the runs. If choices change a prediction by more than its interval, say so, because the
# interval does not account for them.

# %%
interval = refits.interval(*far)
print(f"{interval.estimate[0]:.4f} [{interval.lower[0]:.4f}, {interval.upper[0]:.4f}]")
print(f"largest choice: {choices.largest.choice}, {100 * choices.largest.change[0]:+.2g} %")
