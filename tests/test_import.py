"""``import farseer_jax`` is light, and changes nothing outside the package."""

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, get_origin

import pytest

import farseer_jax

PACKAGE = Path(farseer_jax.__file__).parent
LIGHT = {"equinox", "jax", "jaxlib", "jaxtyping", "lazy_loader", "numpy", "farseer_jax"}
HEAVY = (
    "click",
    "duckdb",
    "matplotlib",
    "narwhals",
    "optax",
    "pandas",
    "polars",
    "pooch",
    "pyarrow",
    "rich",
    "scipy",
    "tensorboard",
    "wandb",
)

TOUCH = """
import farseer_jax as fj
fj.Farseer.published().parameters()
fj.Runs([1e8, 2e8], [1e9, 2e9], [3.5, 3.2]).select(max_N=1e8)
fj.Piecewise.released_code().to_dict()
fj.paper_grid()
fj.__version__
"""


def run_python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "cli" not in path.parts)


def module_level_imports(tree: ast.Module) -> Iterator[str]:
    """Top-level packages that run with the module: not in functions, not for type checkers."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        waiting += ast.iter_child_nodes(node)


def test_import_loads_no_table_plot_or_shell_library() -> None:
    result = run_python(f"{TOUCH}\nimport sys; print(*(m for m in {HEAVY!r} if m in sys.modules))")
    assert result.stderr == ""
    assert result.stdout.split() == []


def test_the_check_of_loaded_modules_can_fail() -> None:
    code = f"{TOUCH}\nfj.read_runs.__globals__['Runs'].from_dataframe\nfj.example_runs()"
    code += "\nfj.fit(fj.Farseer, fj.example_runs()).to_dataframe()"
    result = run_python(f"{code}\nimport sys; print(*(m for m in {HEAVY!r} if m in sys.modules))")
    assert "pandas" in result.stdout.split()


def test_modules_import_only_light_packages_at_module_level() -> None:
    light = LIGHT | sys.stdlib_module_names
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in modules()}
    heavy = {path: set(module_level_imports(tree)) - light for path, tree in trees.items()}
    # which nothing else imports: see the test above
    allowed = {path: {"matplotlib"} if path.parent.name == "plots" else set() for path in heavy}
    assert {str(p): names - allowed[p] for p, names in heavy.items() if names - allowed[p]} == {}


def test_import_changes_no_global_setting() -> None:
    code = f"""
import logging, os, warnings
import jax, numpy as np
def settings():
    return {{
        "jax": dict(jax.config.values),
        "x64": jax.config.jax_enable_x64,
        "numpy": (np.geterr(), np.geterrcall(), np.get_printoptions()),
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "logging": (logging.root.level, list(logging.root.handlers)),
    }}
before = settings()
{TOUCH}
after = settings()
print([name for name in before if before[name] != after[name]])
"""
    result = run_python(code)
    assert result.stderr == ""
    assert result.stdout.strip() == "[]"


def test_import_starts_no_jax_backend() -> None:
    # on a platform that does not exist JAX imports, and fails at its first computation
    nowhere = {"JAX_PLATFORMS": "no_such_platform"}
    result = run_python(TOUCH, **nowhere)
    assert (result.returncode, result.stderr) == (0, "")
    started = run_python(f"{TOUCH}\nfj.Farseer.published()(1e9, 1e11)", **nowhere)
    assert started.returncode != 0
    assert "no_such_platform" in started.stderr


def test_bare_import_does_not_wait_for_jax() -> None:
    code = "import sys, farseer_jax; print([m for m in ('jax', 'numpy') if m in sys.modules])"
    assert run_python(code).stdout.strip() == "[]"


def test_every_public_name_is_where_the_stub_says() -> None:
    source = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in source.body if isinstance(node, ast.ImportFrom)]
    homes = {
        alias.name: f"farseer_jax.{node.module}" if node.module else "farseer_jax"
        for node in imports
        for alias in node.names
    }
    listed = next(node.value for node in source.body if isinstance(node, ast.Assign))
    assert sorted(homes) == ast.literal_eval(listed) == dir(farseer_jax)
    assert set(homes) == set(farseer_jax.__all__)
    for name, home in homes.items():
        value = getattr(farseer_jax, name)
        assert value is getattr(importlib.import_module(home), name)
        if get_origin(value) is not Annotated:  # annotations have the module of what they annotate
            assert getattr(value, "__module__", home) == home


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="No farseer_jax attribute fitt"):
        farseer_jax.fitt  # noqa: B018
