# %% [markdown]
# # Accuracies on benchmarks
#
# A scaling law predicts the loss of a run that has not been trained. This notebook
# predicts accuracies: which tasks can be predicted, how certain the predictions are, and which of
# two recipes is better. The table is simulated, so the truth is known.

# %%
import matplotlib.pyplot as plt

import farseer_jax as fj
from farseer_jax.plots import plot_accuracy, plot_predictability

# %% [markdown]
# Each row is a run, with N and D and, for each task, the bits per byte and the accuracy.

# %%
table = fj.example_tasks()
chance = {"easy_acc": 0.25, "medium_acc": 0.25, "hard_acc": 0.2, "guess_acc": 0.5}
print({name: round(float(table[name][0]), 3) for name in list(table)[1:6]})

# %% [markdown]
# ## Predict a larger run
#
# The loss on each task is forecast, and the accuracy is predicted from it by a logistic curve.

# %%
target = (7e9, 2e12)
found = fj.forecast_accuracy(table, [target], chance=chance)
print(found)

# %%
truth = fj.example_tasks(*target, noise=0.0)
for row in found.to_dataframe().itertuples():
    if row.task in truth:
        print(f"{row.task}: {row.predicted:.3f}, true value {truth[row.task][0]:.3f}")

# %% [markdown]
# Runs are coloured by size. The diamond is the prediction, with intervals of the loss and the
# accuracy.

# %%
plot_accuracy(found)
plt.show()

# %% [markdown]
# ## Which recipe is better?
#
# The second recipe has losses that are 4 % lower.

# %%
both = fj.example_tasks(recipe="both")
ranked = fj.forecast_accuracy(both, [target], by="recipe", chance=chance)
print(ranked.ranking_table())

# %%
plot_predictability(ranked)
plt.show()

# %% [markdown]
# ## Your own two steps
#
# Use any law of the loss and any law of the accuracy given that loss.

# %%
loss = fj.fit("chinchilla", table, response="easy_bpb")
accuracy = fj.fit(
    "logistic-accuracy",
    table,
    fj.LeastSquares(fixed={"ceiling": 1.0}),
    response="easy_acc",
    columns_of={"task_loss": "easy_bpb"},
)
print(fj.chain(loss, then=accuracy, points=[target]))
