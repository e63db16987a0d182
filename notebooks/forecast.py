# %% [markdown]
# # Forecast
#
# What loss will a run reach, and how certain is that before it is trained? This notebook goes from
# a table of runs to a number with its interval, a figure, and a test on held-out runs.

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
# ## 1. Forecast

# %%
answer = fj.forecast(runs, [(25.1e9, 5e11)])
print(answer)

# %% [markdown]
# The first line is the loss, the second its interval, and warnings follow. Below are the evidence
# for the forecast, and the predictions of the usual laws at the same point with their errors. If a
# law misses its own runs by many times their noise, do not trust its extrapolation.

# %%
plots.plot_forecast(answer)
plt.show()

# %% [markdown]
# The dark band is the interval of the forecast; the light band is that of a single run.
#
# ## 2. Test it on existing runs
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
# Other points, levels and draws need no new fit. Draws are joint: errors that two points share move
# both, so that differences are more certain than the losses themselves.

# %%
print(answer.at([(7e9, 1e12), (70e9, 1.4e12)], level=0.8))

# %%
draws = answer.draws([12e9, 25.1e9], [1e12, 5e11], num=4000)  # about the same compute
gain = np.log(draws[:, 0] / draws[:, 1])
print(f"the larger model on fewer tokens is better with probability {(gain > 0).mean():.2f}")
low, high = 100 * np.quantile(gain, [0.05, 0.95])
print(f"by {low:.1f} % to {high:.1f} % of the loss")
