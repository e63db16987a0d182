"""Resampling schemes by name."""

from typing import Any

from farseer_jax.results.converter import UnknownNameError, register
from farseer_jax.uncertainty.jackknife import JackknifeRuns, JackknifeSizes
from farseer_jax.uncertainty.loss_schemes import (
    ParametricBootstrap,
    ResidualBootstrap,
    WildBootstrap,
)
from farseer_jax.uncertainty.resampling import Scheme, Setting, as_json_has_it
from farseer_jax.uncertainty.weight_schemes import (
    BayesianBootstrap,
    ResampleRuns,
    ResampleSizes,
    ResampleWithinSizes,
)

_FEWEST_SIZES = 4  # that are resampled whole: curves of N follow three exactly

SCHEMES: dict[str, Any] = {
    scheme.name: scheme
    for scheme in (
        ResampleRuns,
        ResampleSizes,
        ResampleWithinSizes,
        BayesianBootstrap,
        ResidualBootstrap,
        WildBootstrap,
        ParametricBootstrap,
        JackknifeRuns,
        JackknifeSizes,
    )
}


def as_scheme(scheme: object, setting: Setting | None = None) -> Scheme:
    """Convert a name to a scheme; None to the default for a setting.

    The default resamples whole sizes. Fewer than four sizes, or sizes with a single run each, leave
    nothing to resample so: then runs are reweighted (``"bayesian"``).

    Raises:
        ValueError: an unknown name.
        TypeError: neither a name nor a scheme.
    """
    if scheme is None and setting is not None:
        has_blocks = _FEWEST_SIZES <= setting.num_sizes < setting.num_units
        return ResampleSizes() if has_blocks else BayesianBootstrap()
    if isinstance(scheme, str):
        if scheme not in SCHEMES:
            raise ValueError(f"scheme must be one of {', '.join(SCHEMES)}, got {scheme!r}")
        return SCHEMES[scheme]()
    if isinstance(scheme, type) or not isinstance(scheme, Scheme):
        raise TypeError(
            f"scheme must be a name such as 'bayesian' or an object such as BayesianBootstrap(), "
            f"got {scheme!r}"
        )
    return scheme


def scheme_of(settings: dict[str, Any], own: Scheme | None = None) -> Scheme:
    """The scheme with these settings, the inverse of its ``to_dict``.

    Args:
        settings: settings as read from JSON.
        own: the scheme itself, if it is not the library's.

    Raises:
        ValueError: the scheme is not the library's, or ``own`` has other settings.
    """
    if own is not None:
        if as_json_has_it(own.to_dict()) != settings:
            raise ValueError(f"scheme: the draws are by {settings}, not by {own.to_dict()}")
        return own
    if settings["name"] not in SCHEMES:
        raise ValueError(
            f"the scheme {settings['name']!r} is not the library's: give it as scheme="
        )
    arguments = {key: value for key, value in settings.items() if key != "name"}
    scheme: Scheme = SCHEMES[settings["name"]](**arguments)
    return scheme


def _from_plain(settings: dict[str, Any]) -> Scheme:
    if settings["name"] not in SCHEMES:
        raise UnknownNameError(
            f"holds draws by the scheme {settings['name']!r}, which is not the library's: keep "
            "draws by a scheme of your own in a Parquet file"
        )
    return scheme_of(settings)


register(lambda kind: kind is Scheme, lambda scheme: scheme.to_dict(), _from_plain)
