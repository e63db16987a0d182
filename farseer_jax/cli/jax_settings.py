"""JAX settings for a short-lived process: compile quickly, cache compiled code, use the CPU.

Only the command line does this, never the library, and only in a process that has not imported JAX
yet: in any other, the settings are the user's.
"""

import contextlib
import hashlib
import itertools
import os
import platform
import subprocess
import sys
from pathlib import Path

_MAX_CACHE_BYTES = 1 << 27
# Code that runs once need not be optimised: these flags cut the compilation of a fit to a quarter
# (by seconds), and slow the fit itself by milliseconds. Predictions agree to 1e-9 (tested).
QUICK_FLAGS = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
# Thousands of refits repay some optimisation: they run three to five times as fast, and compilation
# takes half as long again.
REFIT_FLAGS = "--xla_backend_optimization_level=1 --xla_cpu_use_fusion_emitters=false"
_KNOWS_QUICK_FLAGS = ("0.10.",)  # versions of jaxlib; an unknown flag would end the process
_CPU_FIELDS = ("model name", "flags", "Features", "CPU implementer", "CPU part", "CPU variant")


def set_up_jax(*, refits: bool = False) -> None:
    """Set JAX's environment variables before its import; those of the user take precedence.

    Only the first call of a process has an effect.

    Args:
        refits: whether thousands of refits follow, rather than one fit.
    """
    if "jax" in sys.modules:
        return
    # A fit takes milliseconds on a CPU. A GPU would take seconds to start, and its memory may be
    # in use by a training run.
    if os.environ.setdefault("JAX_PLATFORMS", "cpu") == "cpu" and knows_quick_flags():
        os.environ.setdefault("XLA_FLAGS", REFIT_FLAGS if refits else QUICK_FLAGS)
    if os.environ.get("JAX_COMPILATION_CACHE_DIR") or _switched_off():
        return
    with contextlib.suppress(OSError):  # without a cache it is only slower
        folder = _cache_folder()
        _prune(folder.parent)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


def cpu_hash() -> str:
    """A hash that differs between CPUs that may not run each other's code.

    A home directory is often shared between machines of several types.
    """
    return hashlib.sha256(_cpu_text().encode()).hexdigest()[:16]


def _switched_off() -> bool:
    return os.environ.get("FARSEER_NO_CACHE", "0") not in ("", "0")


def knows_quick_flags() -> bool:
    """Whether this jaxlib is known to accept the flags above."""
    return jaxlib_version().startswith(_KNOWS_QUICK_FLAGS)


def jaxlib_version() -> str:
    """The version of jaxlib, without importing all of it."""
    import jaxlib.version

    return jaxlib.version.__version__


def _cache_folder() -> Path:
    """The folder for code compiled by this jaxlib for this CPU.

    Raises:
        OSError: the folder cannot be written.
    """
    import platformdirs

    base = Path(platformdirs.user_cache_dir("farseer_jax", appauthor=False))
    folder = base / f"jaxlib-{jaxlib_version()}-{cpu_hash()}"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(folder)
    return folder


def _cpu_text() -> str:
    """Model and features of the CPU, as far as the system gives them."""
    known = [platform.system(), platform.machine(), os.environ.get("PROCESSOR_IDENTIFIER", "")]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        known.append(_macos_cpu() if platform.system() == "Darwin" else _linux_cpu())
    return "\n".join(known)


def _linux_cpu() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        first_core = itertools.takewhile(str.strip, lines)
        return "".join(line for line in first_core if line.startswith(_CPU_FIELDS))


def _macos_cpu() -> str:
    command = ["/usr/sbin/sysctl", "machdep.cpu"]
    return subprocess.run(command, capture_output=True, text=True, timeout=5).stdout


def _prune(base: Path) -> None:
    """Delete the oldest half of a large cache: every new shape of a table adds to it."""
    entries = [(entry.stat(), entry) for entry in base.glob("*/*-cache")]
    size = sum(status.st_size for status, _ in entries)
    if size <= _MAX_CACHE_BYTES:
        return
    for status, entry in sorted(entries, key=lambda pair: pair[0].st_mtime):
        entry.unlink(missing_ok=True)
        size -= status.st_size
        if size <= _MAX_CACHE_BYTES // 2:
            return
