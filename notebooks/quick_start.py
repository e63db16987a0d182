# %% [markdown]
# # Quick start
#
# From a table of training runs to the predicted loss of a run that has not been trained, and how
# far to trust it.
#
# The law is Farseer (Li et al., *Predictable Scale: Part II*),
#
# $$L(N, D) = U(N) + B(N) \, D^{-A(N)}$$
#
# with N parameters and D training tokens. $U(N)$ is the loss with unlimited data;
# $B(N) \, D^{-A(N)}$ is the excess due to limited data, and the exponent $A(N)$ differs from size
# to size.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import farseer_jax as fj

# %% [markdown]
# ## 1. A table of runs
#
# One row per run: parameters, tokens, final loss. Here it is the embedded example as a pandas
# table. It has the sizes and token counts of the paper's grid, losses from a known law, and 0.05 %
# noise, as much as real runs have from seed to seed.

# %%
table = fj.example_runs().to_dataframe()
table.columns = ["n_params", "train_tokens", "val_loss"]
table.head()

# %% [markdown]
# Usual column names are found. The table is checked here: a missing value, a zero or a column in
# billions is refused with the rows and the remedy.

# %%
runs = fj.Runs.from_dataframe(table)
print(runs)

# %% [markdown]
# The loss of each size falls along its own curve and flattens towards its own floor.

# %%
sizes = np.unique(runs.N)
colours = plt.cm.plasma(np.linspace(0.0, 0.85, len(sizes)))

figure, axes = plt.subplots(figsize=(7, 4))
for N, colour in zip(sizes, colours, strict=True):
    one = runs.select(min_N=N, max_N=N)
    label = f"{N / 1e9:.2g} B" if N in sizes[::4] else None
    axes.plot(one.D, one.loss, ".-", color=colour, lw=0.8, label=label)
axes.set(xscale="log", xlabel="D (tokens)", ylabel="loss")
axes.legend(title="N")
figure.tight_layout()
# %% [markdown]
# ## 2. Fit
#
# The piecewise method needs a grid: several D in even steps for each of several sizes. It fits the
# *differences* of neighbouring runs of a size, in which `U(N)` cancels, then the curves `A(N)` and
# `B(N)`, then `U(N)`.

# %%
result = fj.fit(fj.Farseer, runs)
print(result)

# %% [markdown]
# Read it from the top. The curves at a few sizes are what the runs determine. The mean relative
# error is as large as the noise, so the law describes these runs. Warnings would appear above the
# parameters; there are none. The nine parameters come last because they mean little by themselves:
# very different ones give nearly the same curves.

# %%
law, found = result.law, result.diagnostics
N = np.geomspace(sizes[0], sizes[-1], 100)

figure, panels = plt.subplots(1, 3, figsize=(11, 3.2))
for axes, name, points in zip(panels, "UBA", (found.G, found.B, found.A), strict=True):
    axes.plot(N, getattr(law, name)(N), color="tab:blue")
    axes.plot(found.N, points, ".", color="tab:orange")
    axes.set(xscale="log", xlabel="N", title=f"{name}(N)")
    axes.set_xticks([2e8, 1e9, 5e9], ["0.2 B", "1 B", "5 B"])
    axes.minorticks_off()
panels[1].set_yscale("log")
figure.tight_layout()

# %% [markdown]
# The dots are the values of each size alone (`G`, `B_N`, `A_N` of the three stages), the lines are
# the fitted curves.
#
# ## 3. Check: predict what was held out
#
# A small error on the fitted runs says little about larger models. So hold the largest size out:

# %%
smaller = fj.fit(fj.Farseer, runs.select(max_N=5.5e9))
print(smaller.evaluate(runs.select(min_N=6e9)))

# %% [markdown]
# And how does that error depend on the largest size that was fitted? Each row of weights, 0 or 1
# per run, is one refit; all of them run in one compiled call.

# %%
limits = sizes[8:-1]
weights = (runs.N <= limits[:, None]).astype(float)  # (refit, run)
refits = fj.fit_batch(fj.Farseer, runs, weights=weights)

target = runs.select(min_N=6e9)
errors = np.abs(refits.predict(target.N, target.D) / target.loss - 1).mean(axis=1)

figure, axes = plt.subplots(figsize=(6, 3.5))
axes.plot(limits / 1e9, errors, "o-")
axes.axhline(5e-4, color="grey", lw=0.8, ls="--", label="noise of one run")
axes.set(yscale="log", xlabel="largest N fitted (B)", ylabel="mean relative error at 6.37 B")
axes.legend()
figure.tight_layout()
# %% [markdown]
# ## 4. Predict
#
# A model of 25.1 B, four times beyond the largest one, on growing amounts of data. Numbers, arrays
# and pandas columns all work.

# %%
D = np.geomspace(1e11, 1e13, 5)
losses = result.predict(25.1e9, D)
for tokens, loss in zip(D, losses, strict=True):
    print(f"{tokens:8.2g} tokens: {loss:.4f}")

# %% [markdown]
# How certain is that? Simulate the whole experiment: assume that the fitted law is exact, draw new
# noise as large as the residuals, and refit, 500 times.

# %%
spread = np.std(np.log(runs.loss / result.predict(runs.N, runs.D)))
noise = spread * np.random.default_rng(0).standard_normal((500, len(runs)))
repeated = fj.fit_batch(fj.Farseer, runs, losses=result.predict(runs.N, runs.D) * np.exp(noise))

low, high = np.quantile(repeated.predict(25.1e9, D), [0.05, 0.95], axis=0)
truth = np.asarray(fj.example_law()(25.1e9, D))

figure, axes = plt.subplots(figsize=(6, 3.5))
axes.fill_between(D, low, high, alpha=0.25, label="90 % of refits")
axes.plot(D, losses, label="prediction")
axes.plot(D, truth, "k--", lw=1, label="the law behind the example")
axes.set(xscale="log", xlabel="D (tokens)", ylabel="loss at 25.1 B")
axes.legend()
figure.tight_layout()
# %% [markdown]
# This interval accounts for the noise of the runs, and assumes that the law is right. If it is not,
# no refit can show it; a held-out size can.
#
# ## 5. Warnings
#
# With few sizes, or noisy losses, there is still a fit, with warnings:

# %%
few = fj.fit(fj.Farseer, runs.select(max_N=4e8))
for sentence in few.warnings:
    print("-", sentence)

# %% [markdown]
# ## 6. Keep it
#
# A fit is one JSON file, which is read back exactly. `farseer predict fit.json --N 25.1e9 --D 5e11`
# on the command line reads it, too.

# %%
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "fit.json")
    result.to_json(path)
    again = fj.Fit.from_json(path)
print(again.predict(25.1e9, 5e11) == result.predict(25.1e9, 5e11))
