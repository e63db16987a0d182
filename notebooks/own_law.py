# %% [markdown]
# # A law of your own
#
# A law is one small class: its parameters as fields, the logarithm of the loss on arrays, and where
# solvers may start. Everything else (many starts, batches of refits, hold-outs) works with it as
# with the laws of the package.

# %%
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import farseer_jax as fj
from farseer_jax.plots import plot_fit

# %% [markdown]
# ## The class
#
# Say we suspect that data helps through its square root, whatever the size:
#
#     L(N, D) = E + A/N^α + B/√D
#
# `positive` names the parameters that solvers search in logarithms. `log_loss` works elementwise on
# arrays; write it with `jax.numpy`, so that it can be differentiated and compiled. `starts` takes
# points of the unit cube, a column per parameter, to what is plausible: prior knowledge goes there.


# %%
class SquareRoot(fj.Law):
    """Chinchilla with β = 1/2."""

    name = "square root"
    formula = "L(N, D) = E + A/N^α + B/√D"
    positive = ("E", "A", "B")
    E: np.ndarray
    A: np.ndarray
    B: np.ndarray
    alpha: np.ndarray

    def log_loss(self, N, D):
        return jnp.log(self.E + self.A * N**-self.alpha + self.B / jnp.sqrt(D))

    @classmethod
    def starts(cls, runs, cube):
        terms = np.exp(-3.0 * cube[:, :3]) * runs.loss.min()  # each up to 1, down to 5 % of it
        alpha = 0.1 + cube[:, 3]
        N, D = fj.Center.of(runs)  # geometric means: where A and B are what they are at the runs
        return cls(terms[:, 0], terms[:, 1] * N**alpha, terms[:, 2] * np.sqrt(D), alpha)


# %% [markdown]
# ## Fit it
#
# Many starts, one compiled solver. The report says how many reached the best optimum: where few do,
# the form is badly conditioned, or the starts are far from it.

# %%
runs = fj.example_runs()
fitted, held_out = runs.select(max_N=5.5e9), runs.select(min_N=6e9)
own = fj.fit(SquareRoot, fitted, fj.LeastSquares("huber"))
print(own)

# %% [markdown]
# ## Is it any good?
#
# Beside the laws of the package, on runs that none of them has seen:

# %%
comparison = fj.compare_methods(
    fitted,
    held_out,
    {
        "square root": (SquareRoot, fj.LeastSquares("huber")),
        "Chinchilla": (fj.Chinchilla, fj.LeastSquares("huber")),
        "Farseer": (fj.Farseer, None),
    },
)
print(comparison)

# %% [markdown]
# The runs of the example follow the Farseer law, so ours cannot win; the picture shows where it
# fails. At small D every size has its own slope.

# %%
plot_fit(own, held_out)
plt.show()

# %% [markdown]
# ## All else works
#
# Refits by weights are one batch: here each of the five largest sizes left out in turn.

# %%
sizes = np.unique(fitted.N)[-5:]
weights = (fitted.N != sizes[:, None]).astype(float)
refits = fj.fit_batch(SquareRoot, fitted, weights=weights, method=own.method)
for N, loss in zip(sizes, refits.predict(25.1e9, 5e11), strict=True):
    print(f"without {N / 1e9:.2f} B: {loss:.4f}")

# %% [markdown]
# And a fit of it is a file; reading it back needs the class.

# %%
again = fj.Fit.from_json(own.to_json(), law=SquareRoot)
print(again.predict(25.1e9, 5e11) == own.predict(25.1e9, 5e11))
