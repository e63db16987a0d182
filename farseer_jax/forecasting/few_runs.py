"""A forecast's posterior for any law from few runs, or from none, with weak priors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from farseer_jax.forecasting.fit_stack import fit_members, inputs_of, mean_one, members_of
from farseer_jax.forecasting.members import Member
from farseer_jax.forecasting.posterior import Inputs, fit_member
from farseer_jax.forecasting.stack import Stack
from farseer_jax.forecasting.weak_priors import weak_priors
from farseer_jax.laws.law import Center, Law
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.threads import one_blas_thread
from farseer_jax.solvers.estimated_noise import Noise

_NOISE = 0.003  # over the response's scale, of the guess where the link is not a logarithm


@dataclass(frozen=True, eq=False)
class Nominal:
    """Runs that stand in for those that do not exist: a response that improves with cost.

    They give starts and the scales of priors; no posterior counts them as data.

    Attributes:
        runs: some points with nominal responses.
        inputs: the law's inputs at all points that matter, at which floors are recognised.
    """

    runs: Runs
    inputs: Inputs


def stack_of_few_runs(
    law: type[Law] | None,
    runs: Runs | None,
    nominal: Nominal,
    errors: CorrelatedErrors,
    method: LeastSquares,
) -> Stack:
    """The posterior of a law, or of the usual laws over N and D, however few the runs are.

    Args:
        law: the law's class; None for the usual laws over N and D, which have priors.
        runs: the runs; None without any, which leaves the priors.
        nominal: stand-ins.
        errors: amplitudes and lengths of the correlated errors.
        method: starts and fixed parameters of the law.
    """
    base = nominal.runs if runs is None else runs
    members = members_of(base, law, method)
    inputs, target = inputs_of(base, law), base.link.forward(base.loss)
    weights = mean_one(weights_of(base))
    noise = _noise(base)
    if law is not None:
        members = _with_weak_priors(law, members, base, nominal.inputs)
    if runs is None:
        with one_blas_thread():
            members = [_around_nominal(own, errors, inputs, target, noise) for own in members]
        weights = np.zeros(len(base))
    return fit_members(members, errors, inputs, target, weights, noise).stack


def _with_weak_priors(
    law: type[Law], members: Sequence[Member], runs: Runs, inputs: Inputs
) -> list[Member]:
    """The members with weak priors where they have none."""
    center = Center.of(runs) if {"N", "D"} <= set(law.inputs()) else None
    starts = members[0].parameters(members[0].starts)
    mean, sd = weak_priors(law, center, inputs, runs.loss, starts)
    found = []
    for own in members:
        has_none = np.isinf(own.prior_sd)
        found.append(
            replace(
                own,
                prior_mean=np.where(has_none, mean, own.prior_mean),
                prior_sd=np.where(has_none, sd, own.prior_sd),
            )
        )
    return found


def _around_nominal(
    member: Member, errors: CorrelatedErrors, inputs: Inputs, target: np.ndarray, noise: Noise
) -> Member:
    """The member with its priors centred on its fit to nominal runs."""
    columns = errors.columns(member.kinds, inputs)
    data = columns, columns.at(inputs), inputs, target, np.ones((1, len(target)))
    fitted = fit_member(member, *data, noise)
    free = fitted.laplace.free[:1]
    return replace(member, prior_mean=member.parameters(free[0]), starts=free)


def _noise(runs: Runs) -> Noise:
    """What is known of the noise: relative on the scale of ln, else to the responses."""
    if runs.link.name == "log":
        return Noise()
    response = runs.link.forward(runs.loss)
    return Noise(guess=_NOISE * max(float(np.abs(response).mean()), float(np.ptp(response)), 1e-9))
