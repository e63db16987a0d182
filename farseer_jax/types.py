"""Aliases of array types for signatures.

Names of axes: ``run`` (one training run), ``size`` (one model size N), ``slot``
(one D of a size, ascending), ``pair`` (two neighbouring slots of a size), ``candidate`` (one
trial value of an exponent), ``batch`` (one refit).
"""

from typing import TypeAlias

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

Array: TypeAlias = jax.Array
ArrayLike: TypeAlias = jax.typing.ArrayLike
DType: TypeAlias = np.dtype

Sizes: TypeAlias = Float[Array, " size"]
Slots: TypeAlias = Float[Array, "size slot"]
Pairs: TypeAlias = Float[Array, "size pair"]
Candidates: TypeAlias = Float[Array, " candidate"]
PerSizeCandidate: TypeAlias = Float[Array, "size candidate"]
Scalar: TypeAlias = Float[Array, ""]
Flag: TypeAlias = Bool[Array, ""]
SizeMask: TypeAlias = Bool[Array, " size"]
RunValues: TypeAlias = Float[Array, " run"]
SizeCounts: TypeAlias = Int[Array, " size"]
