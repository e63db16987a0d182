"""What is done with many fits: comparisons."""

from farseer_jax.analysis.comparison import (
    compare_counts as compare_counts,
)
from farseer_jax.analysis.comparison import (
    compare_fits as compare_fits,
)
from farseer_jax.analysis.comparison import (
    compare_runs as compare_runs,
)
