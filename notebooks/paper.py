# %% [markdown]
# # The paper, figure by figure
#
# Li et al., *Predictable Scale: Part II, Farseer*, in the paper's order: what each figure and table
# claims, the call that makes it, and the paper's number next to ours.
#
# The runs are the authors' own if the environment variable `FARSEER_RUNS` names their table (337
# distinct runs of the Baseline grid from 0.2 B parameters on; a table to download, not part of this
# package). Otherwise they are the embedded example, which has the same sizes and tokens, and losses
# from an invented law: then the figures only show how each is made, and the numbers are the
# example's, not the paper's.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import farseer_jax as fj
from farseer_jax import plots

path = os.environ.get("FARSEER_RUNS")
if path:
    runs = fj.read_runs(path).select(min_N=2e8)  # the sizes that the paper fits
    rows = np.stack([runs.N, runs.D, runs.loss], axis=1)
    runs = runs.select(
        mask=np.isin(np.arange(len(runs)), np.unique(rows, axis=0, return_index=1)[1])
    )
else:
    runs = fj.example_runs()
column = "authors' runs" if path else "example"
print("The authors' runs, copies left out." if path else "The embedded example: its numbers.")
print(runs)

# %%
target = runs.N.max()  # 6.37 B, which the paper holds out
smaller, largest = runs.select(max_N=0.9 * target), runs.select(min_N=target)

print(f"{'':48}{'paper':>9}{column:>16}")


def show(what: str, paper: float | None, here: float, form: str = ".4f") -> None:
    """Print the paper's number and ours."""
    published = "—" if paper is None else format(paper, form)
    print(f"{what:48}{published:>9}{format(here, form):>16}")


# %% [markdown]
# ## Fig. 1a: error at each size
#
# *Farseer's error is small and even over all sizes; Chinchilla's law fits in the middle and drifts
# off beyond.* `extrapolate` fits every candidate up to one size after another and predicts the
# 6.37 B runs, which are held out. Figs. 6, 8 and 17 below are views of the same result.

# %%
candidates = [
    (fj.Farseer, fj.Piecewise()),  # the paper's method
    (fj.Farseer, fj.LeastSquares()),  # all nine parameters at once
    (fj.Chinchilla, fj.LeastSquares("huber")),
]
limits = [1.95e9, 2.75e9, 3.85e9, 4.55e9, 5.36e9]
extrapolation = fj.extrapolate(runs, candidates, held_out=target, limits=limits)
farseer, at_once, chinchilla = extrapolation.results

plots.plot_error_by_value(extrapolation)
plt.show()

# %% [markdown]
# The paper's 232 % is the excess of Chinchilla's error within the fitted range.

# %%
inside = [
    np.mean([error for N, error in zip(*extrapolation.error_by_value(one.name), strict=True)
             if N < target])
    for one in (farseer, chinchilla)
]  # fmt: skip
show("Chinchilla's error above Farseer's, fitted sizes", 2.32, inside[1] / inside[0] - 1, ".0%")

# %% [markdown]
# ## Fig. 1b: how to split a budget
#
# *The best number of tokens per parameter rises with compute; 20 suits budgets of 1e20 to 1e21
# FLOPs only.* The paper draws this without numbers. The law is fitted to all runs; no run had more
# than 4e21 FLOPs, and beyond that the law extrapolates.

# %%
everything = fj.fit(fj.Farseer, runs)
allocation = fj.allocate(everything, np.geomspace(1e20, 1e26, 25))

plots.plot_allocation(allocation, models=fj.published_models())
plt.show()

# %%
for C, ratio in zip(allocation.compute[:13:4], allocation.tokens_per_parameter[:13:4], strict=True):
    show(f"tokens per parameter at {C:.0e} FLOPs", None, ratio, ".1f")

# %% [markdown]
# ## Fig. 2: losses and fit
#
# *Farseer's curves lie on the runs.* Open circles are the held-out runs of 6.37 B.

# %%
fit = fj.fit(fj.Farseer, smaller)
plots.plot_fit(fit, largest)
plt.show()

# %% [markdown]
# ## Fig. 3: which differences are power laws?
#
# *Differences of the loss along D, against D, are the most regular of four views.* That is why the
# law is a power of D, with exponent and coefficient that depend on N.

# %%
views = fj.analyse_differences(runs)
plots.plot_views(views)
plt.show()

# %%
for view, R2 in zip(views.views, (0.9807, 0.7457, 0.8484, 0.8733), strict=True):
    show(f"mean R², Δ_{view.difference} L against {view.against}", R2, view.mean_r_squared)

# %% [markdown]
# ## Fig. 4: A(N) and B(N)
#
# *Both follow stretched exponentials over the whole range of N.* Dots are the values of each size
# alone.

# %%
plots.plot_curves(fit)
plt.show()

# %% [markdown]
# ## Fig. 5: the residuals
#
# *G(N), the loss without the data term, follows its curve to 0.09 %, and the residuals around it
# are white noise that shrinks from 2e-3 to 4e-4 as N grows.*

# %%
residuals = fj.diagnose_residuals(fit)
plots.plot_residuals(residuals)
plt.show()

# %%
error = np.abs(residuals.U / residuals.G - 1).mean()
show("mean relative error of U(N) against G(N)", 9e-4, error, ".5f")
show("scatter of O − G, most", 2e-3, residuals.offset_rms.max(), ".5f")
show("scatter of O − G, largest size", 4e-4, residuals.offset_rms[-1], ".5f")
show("p of patterns along D (large: white noise)", None, residuals.against_D.mean_p_value, ".4f")

# %% [markdown]
# The last number is a test that the paper does not make: a small p means that the residuals of a
# size follow D, so that they are not noise alone.
#
# ## Figs. 6a, 8a and 17: error against the range fitted
#
# *More sizes bring Farseer's error at 6.37 B down from 6.01e-3 to 5.87e-4, while Chinchilla's stays
# large; fitted all at once, Farseer extrapolates ten times worse than piecewise.*

# %%
plots.plot_extrapolation(extrapolation)
plt.show()

# %%
first, last = farseer.held_out_error[[0, -1]]
show("Farseer, piecewise, fitted up to 1.91 B", 6.01e-3, first, ".6f")
show("Farseer, piecewise, fitted up to 5.35 B", 5.87e-4, last, ".6f")
show("Farseer, all at once, fitted up to 5.35 B", None, at_once.held_out_error[-1], ".6f")
show("Chinchilla, fitted up to 5.35 B", None, chinchilla.held_out_error[-1], ".6f")
show("  times the error, all at once over piecewise", 10, at_once.held_out_error[-1] / last, ".1f")

# %% [markdown]
# Solved to its optimum, the fit of all parameters at once is better than in the paper.
#
# ## Fig. 7: beyond the runs
#
# *Trained up to a limit, Farseer predicts larger models and more data alike.* The runs of 25.1 B
# (Figs. 7 and 8b) and of the English-Chinese recipe (Fig. 6b) are not in that table; here the
# largest size and all runs beyond 200 B tokens are held out.

# %%
seen = (runs.N < target) & (runs.D <= 2e11)
within, beyond = fj.fit(fj.Farseer, runs.select(mask=seen)), runs.select(mask=~seen)
plots.plot_map(within, beyond)
plt.show()

# %%
error = np.abs(within.predict(beyond.N, beyond.D) / beyond.loss - 1)
show(f"mean error at these {len(beyond)} runs", None, error.mean(), ".6f")
show("largest", None, error.max(), ".6f")

# %% [markdown]
# ## Figs. 10 to 14: the four views, slice by slice
#
# *Of the four views only Δ_D L against D has coefficients and exponents that change evenly from one
# slice to the next.* One result has all five figures: the coefficients (Fig. 10) and exponents
# (Fig. 11) of each view, and the differences of each size with their lines (Figs. 12 to 14).

# %%
figure, panels = plt.subplots(2, 4, figsize=(13, 5.6), layout="constrained")
for view, (upper, lower) in zip(views.views, panels.T, strict=True):
    which = (view.difference, view.against)
    plots.plot_differences(views, which, show="coefficient", ax=upper)
    plots.plot_differences(views, which, show="exponent", ax=lower)
plt.show()

# %%
plots.plot_differences(views, ("D", "D"))
plt.show()

# %% [markdown]
# ## Tables 2 and 3: which form?
#
# *Of nine pairs of transformations, log against power, a stretched exponential, describes A(N),
# B(N) and U(N) best.* "Power" of an untransformed value is read as a power law, log against log: a
# line through the values themselves has a much larger error in B. The legends give the errors of
# other forms: for A(N) and U(N), three are nearly equal.

# %%
forms = fj.choose_forms(smaller)
plots.plot_forms(forms)
plt.show()

# %%
for name, A_and_B, U in (("log/power", 0.1125, 0.0011), ("log/log", 0.1322, 0.0083)):
    found = {curve: forms.form(curve, name).relative_error for curve in "ABU"}
    show(f"Table 2, error of A and B, {name}", A_and_B, found["A"] + found["B"])
    show(f"Table 3, error of U, {name}", U, found["U"])

# %% [markdown]
# ## Fig. 15: two surfaces
#
# *Which of two data mixtures is better depends on N and D.* This needs the runs of two recipes;
# `compare_runs` compares yours. The authors' table has further losses of the same runs instead:
# English web text and Chinese text, per character, which never cross.

# %%
if path:
    two = [
        fj.fit(fj.Farseer, fj.read_runs(path, loss=name).select(min_N=2e8))
        for name in ("bpc_en_web", "bpc_zh")
    ]
    comparison = fj.compare_fits(
        *two, names=("English", "Chinese"), comparable=True, N=(2e8, 2e10), D=(1e9, 2e12)
    )
    plots.plot_comparison_surface(comparison)
    plt.show()
else:
    print("These runs have one loss only: Fig. 15 needs a second.")

# %% [markdown]
# ## Fig. 16: should N count the embeddings?
#
# *Both counts fit alike; without embeddings the law extrapolates four times better* (there to
# 25.1 B, here to 6.37 B).

# %%
if "N_with_embedding" in runs.extra:
    counts = fj.compare_counts(runs, held_out=target)
    plots.plot_counts(counts)
    plt.show()
    ratio = counts.other.held_out_error / counts.own.held_out_error
    show("error with embeddings over error without", 4, ratio, ".1f")
else:
    print("These runs have one count of N only: Fig. 16 needs a column with embeddings.")

# %% [markdown]
# ## Figs. 18 to 20: the law far beyond the runs
#
# *The loss falls with D and with N everywhere* (Figs. 19 and 20). With D it must, by the form of
# the law. With N the paper checked the printed Eq. 15.

# %%
domain = {"N": (2e8, 1e13), "D": (1e9, 1e15)}
plots.plot_surface(everything, **domain)
plt.show()

# %%
shape = fj.check_shape(everything, **domain)
figure, panels = plt.subplots(1, 2, figsize=(10, 3.9), layout="constrained")
for of, axes in zip("DN", panels, strict=True):
    plots.plot_shape(shape, of, axes)
plt.show()

# %%
rises = sum(region.share for region in shape.regions if region.along == "N")
show("share of the domain where the loss rises with N", 0, rises, ".1%")
for region in shape.regions:
    print(f"It rises with {region.along} from {region.begins.min():.2g} on.")

# %% [markdown]
# The law fitted to these runs is wrong in the red region, even if the printed law has none. It is
# far outside the runs. A fit with `monotone_over=` cannot rise there, at almost no cost on the
# fitted runs.
