"""NumPy's function for each scalar operation."""

from collections.abc import Callable
from typing import Any

import numpy as np

Function = Callable[..., Any]


def _power_by_log(base: Any, log_base: Any, exponent: Any) -> Any:
    return np.exp(exponent * log_base) if np.all(base > 0.0) else np.power(base, exponent)


def _divide(a: Any, b: Any) -> Any:
    if np.asarray(a).dtype.kind == "f":
        return np.true_divide(a, b)
    return np.trunc(np.true_divide(a, b)).astype(np.asarray(a).dtype)


def _logistic(x: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-x))


def _special(name: str) -> Function:
    """A function of scipy.special, imported when it is first called."""

    def call(*arguments: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*arguments)

    return call


def _round_away(x: Any) -> Any:
    return np.trunc(x + np.copysign(0.5, x))


OPERATIONS: dict[str, Function] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.true_divide,
    "whole_div": _divide,
    "rem": np.fmod,
    "neg": np.negative,
    "power": np.power,
    "power_by_log": _power_by_log,
    "max": np.maximum,
    "min": np.minimum,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "round_away": _round_away,
    "is_finite": np.isfinite,
    "exp": np.exp,
    "exp2": np.exp2,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "logistic": _logistic,
    "sqrt": np.sqrt,
    "cbrt": np.cbrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erf": _special("erf"),
    "erfc": _special("erfc"),
    "erf_inv": _special("erfinv"),
    "lgamma": _special("gammaln"),
    "digamma": _special("digamma"),
    "polygamma": _special("polygamma"),
    "zeta": _special("zeta"),
    "bessel_i0e": _special("i0e"),
    "bessel_i1e": _special("i1e"),
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "select": lambda which, no, yes: np.where(which, yes, no),
    "shift_left": np.left_shift,
    "shift_right_arithmetic": np.right_shift,
    "to_float64": lambda x: np.asarray(x, np.float64)[()],
    "to_float32": lambda x: np.asarray(x, np.float32)[()],
    "to_int64": lambda x: np.asarray(x).astype(np.int64)[()],
    "to_int32": lambda x: np.asarray(x).astype(np.int32)[()],
    "to_bool": lambda x: np.asarray(x).astype(np.bool_)[()],
    "bits_as_int64": lambda x: np.asarray(x, np.float64).view(np.int64)[()],
    "bits_as_float64": lambda x: np.asarray(x, np.int64).view(np.float64)[()],
}
