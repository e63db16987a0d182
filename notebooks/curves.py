# %% [markdown]
# # Loss curves
#
# What loss will a run that is still training end at? What would its checkpoints have reached if
# they had been annealed? Which learning-rate schedule is best for the next run? This notebook
# answers these questions from losses and learning rates along training.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import farseer_jax as fj
from farseer_jax import plots

# %% [markdown]
# The curves are the built-in example: one model under three schedules, with losses simulated from
# a known law with 0.07 % noise. Read your own by `fj.read_curves("history.csv", run="run_id")`,
# or from a folder of logged runs or `"wandb:entity/project"`.

# %%
curves = fj.example_curves()
print(curves)

# %% [markdown]
# ## 1. Forecast a run that is still going
#
# The cosine run is cut at 60 % of its steps, as if it were still going:

# %%
going = fj.Curves([curves["constant"], curves["two-stage"], curves["cosine"].truncated(14_400)])
fit = fj.fit_curves(going)
print(fit)

# %%
plots.plot_loss_curves(fit)
plt.show()

# %% [markdown]
# The chosen law is the one that best predicts held-out curves and held-out ends of curves. The
# losses that were cut off test the forecast:

# %%
hidden = curves["cosine"].where(curves["cosine"].steps > 14_400)
low, high = fit.interval(hidden.schedule, hidden.steps, curve="cosine", new_run=True)
inside = np.mean((low <= hidden.losses) & (hidden.losses <= high))
print(f"{inside:.0%} of {len(hidden)} hidden losses lie in their 90 % interval")

# %% [markdown]
# ## 2. Another schedule
#
# What does the run lose if it is annealed now and ends 4,000 steps later? Differences come from
# joint draws, because most of the uncertainty is shared by both schedules.

# %%
cosine = going["cosine"].schedule
now = cosine.with_decay(14_336, 4_000)
print(fj.compare_schedules(fit, [cosine, now], curves=["cosine", "cosine"]))

# %% [markdown]
# ## 3. Checkpoints as annealed runs
#
# Scaling laws describe losses at the end of an anneal. A run with a constant learning rate
# provides a prediction of one at each of its steps:

# %%
annealed = fj.anneal_curves(fit, over=0.2, points=12, tokens_per_step=500_000)
plots.plot_annealed(annealed)
plt.show()

# %% [markdown]
# The table of runs keeps few rows of each run, because they share its errors.

# %%
pd.DataFrame(dict(annealed.to_columns("doubling")))

# %% [markdown]
# ## 4. The best schedule
#
# The peak is not searched, because no law of curves can tell at which peak training diverges. The
# last rate is fixed at the lowest rate that was logged.

# %%
best = fj.optimise_schedule(fit, 24_000, family=["wsd", "cosine", "free"], final=9e-5)
print(best)

# %%
plots.plot_schedule(best)
plt.show()

# %% [markdown]
# The optimum exploits the law where its errors favour it. Differences between families are more
# certain than the losses themselves. Train one such run before relying on it.
