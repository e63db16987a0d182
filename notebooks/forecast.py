# %% [markdown]
# # Forecast
#
# What will a run reach that has not been trained yet, and how sure is that? From a table of runs to
# a number with its interval, a picture, and a test on runs that were held out.

# %%
import matplotlib.pyplot as plt
import numpy as np

import farseer_jax as fj
from farseer_jax import plots

# %% [markdown]
# The runs are the embedded example: the sizes and token counts of a real grid, with losses from a
# known law and 0.05 % noise. Your own are `fj.read_runs("runs.csv")`, or a pandas or polars table.

# %%
runs = fj.example_runs()
print(runs)

# %% [markdown]
# ## 1. Ask

# %%
answer = fj.forecast(runs, [(25.1e9, 5e11)])
print(answer)

# %% [markdown]
# The first line is the loss, the second its interval, and warnings follow. Below are what the
# forecast rests on, and what the usual laws say at the same point, with their record: a law that
# misses its own runs by many times their noise does not know what lies beyond them.

# %%
plots.plot_forecast(answer)
plt.show()

# %% [markdown]
# The dark band is the interval of the forecast, the light one that of a single run.
#
# ## 2. Test it on runs that are there
#
# Forecast the larger runs from the smaller ones, as if they had not been trained:

# %%
small, large = runs.select(max_N=2e9), runs.select(min_N=3e9)
tested = fj.forecast(small, large, usual=False)
table = tested.to_dataframe()
print(f"{table.inside.mean():.0%} of {len(table)} larger runs lie in their 90 % interval")
print(f"mean error {table.error.abs().mean():.2%}")

# %%
plots.plot_forecast(tested)
plt.show()

# %% [markdown]
# ## 3. Use it elsewhere
#
# Nothing is fitted anew for other points, levels and draws. Draws are joint: what two points have
# in common moves both, so that differences are surer than the losses themselves.

# %%
print(answer.at([(7e9, 1e12), (70e9, 1.4e12)], level=0.8))

# %%
draws = answer.draws([12e9, 25.1e9], [1e12, 5e11], num=4000)  # about the same compute
gain = np.log(draws[:, 0] / draws[:, 1])
print(f"the larger model on fewer tokens is better with probability {(gain > 0).mean():.2f}")
low, high = 100 * np.quantile(gain, [0.05, 0.95])
print(f"by {low:.1f} % to {high:.1f} % of the loss")
