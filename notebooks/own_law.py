# %% [markdown]
# # Your own law
#
# A law is its formula. Write it as a line of text, or as a small class with its parameters as
# fields and its loss as a method. Everything else (starts, batches of refits, hold-outs, plots)
# works as with the laws of the package.

# %%
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import farseer_jax as fj
from farseer_jax.plots import plot_fit

# %% [markdown]
# ## As text
#
# Suppose that the loss depends on the square root of the data, whatever the size:
#
# $$L(N, D) = E + \frac{A}{N^\alpha} + \frac{B}{\sqrt{D}}$$
#
# N and D are columns of the table and therefore inputs; all other names are parameters to fit. They
# are positive unless `real=` names them; the one to the right of `**` is an exponent.

# %%
runs = fj.example_runs()
fitted, held_out = runs.select(max_N=5.5e9), runs.select(min_N=6e9)
as_text = fj.fit("E + A/N**alpha + B/sqrt(D)", fitted, fj.LeastSquares("huber"))
print(as_text)

# %% [markdown]
# The report shows how many starts reached the best optimum: if few do, the form is badly
# conditioned, or the runs do not determine it.
#
# ## As a class
#
# The same with a name, for use in your own package. Annotations of fields give the domains of
# parameters, and the arguments of `loss` are the inputs. Write it with `jax.numpy`, so that it can
# be differentiated.


# %%
class SquareRoot(fj.Law):
    """Chinchilla with β = 1/2."""

    name = "square root"
    formula = "L(N, D) = E + A/N^α + B/√D"
    E: fj.Positive
    A: fj.Positive
    B: fj.Positive
    alpha: fj.Exponent

    def loss(self, N, D):
        return self.E + self.A * N**-self.alpha + self.B / jnp.sqrt(D)


own = fj.fit(SquareRoot, fitted, fj.LeastSquares("huber"))
print(own.diagnostics)
ratio = own.predict(1e10, 1e12) / as_text.predict(1e10, 1e12)
print(f"text and class agree to 1e-10: {abs(ratio - 1) < 1e-10}")

# %% [markdown]
# ## Is it any good?
#
# Compare it with the laws of the package, on held-out runs:

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
# The runs of the example follow the Farseer law, so ours cannot win; the figure shows where it
# fails. At small D every size has its own slope.

# %%
plot_fit(own, held_out)
plt.show()

# %% [markdown]
# ## Other inputs
#
# A law may have any columns as inputs. Here the models have P parallel streams, which are worth
# k·ln P times more parameters (simulated, so that we know the answer):

# %%
rng = np.random.default_rng(0)
N, P = np.repeat(np.geomspace(1e8, 5e9, 6), 4), np.tile([1, 2, 4, 8], 6)
loss = 1.3 + (2e7 / (N * (0.35 * np.log(P) + 1))) ** 0.2
table = {"N": N, "P": P, "loss": loss * np.exp(1e-4 * rng.standard_normal(len(N)))}
streams = fj.fit("E + (A/(N*(k*log(P) + 1)))**alpha", table)
print(streams)

# %% [markdown]
# ## Everything else works
#
# Refits by weights are one batch: here each of the five largest sizes is left out in turn.

# %%
sizes = np.unique(fitted.N)[-5:]
weights = (fitted.N != sizes[:, None]).astype(float)
refits = fj.fit_batch(SquareRoot, fitted, weights=weights, method=own.method)
for size, predicted in zip(sizes, refits.predict(25.1e9, 5e11), strict=True):
    print(f"without {size / 1e9:.2f} B: {predicted:.4f}")

# %% [markdown]
# And a fit can be a file. That of a law as text is read back as it is; that of a class needs the
# class.

# %%
again = fj.Fit.from_json(own.to_json(), law=SquareRoot)
print(again.predict(25.1e9, 5e11) == own.predict(25.1e9, 5e11))
again = fj.Fit.from_json(streams.to_json())
print(again.predict(N=1e10, P=16) == streams.predict(N=1e10, P=16))
