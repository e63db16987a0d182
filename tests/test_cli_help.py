"""The shell: its help, its version, and what it loads before it computes."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from commands import command_named, farseer

import farseer_jax
from farseer_jax import Chinchilla, Grid, Piecewise
from farseer_jax.cli import model
from farseer_jax.cli.shell import COMMANDS
from farseer_jax.methods.piecewise import method as piecewise_method
from farseer_jax.methods.piecewise.pair_error import CRITERIA


class TestHelp:
    @pytest.mark.parametrize(
        "args",
        [
            [],
            ["-h"],
            ["--help"],
            ["fit", "-h"],
            ["fit", "--help"],
            ["predict", "-h"],
            ["bootstrap", "-h"],
            ["choices", "-h"],
            ["extrapolate", "-h"],
            ["forecast", "-h"],
            ["plot", "-h"],
        ],
    )
    def test_help_has_an_example_and_fits_a_narrow_terminal(self, args: list[str]) -> None:
        result = farseer(*args)
        assert (result.exit_code, result.stderr) == (0, "")
        assert "Example" in result.stdout
        assert max(len(line) for line in result.stdout.splitlines()) <= 80
        assert result.stdout.isascii()

    @pytest.mark.parametrize("name", [name for name in COMMANDS if name != "plot"])
    def test_help_shows_every_option_in_a_group(self, name: str) -> None:
        text = farseer(name, "--help").stdout
        options, _, others = text.partition("\nOther:\n")
        for param in command_named(name).params:
            if isinstance(param, click.Option):
                assert re.search(rf"\n  {param.opts[0]}(,|  *|\n)", options)
        assert others.startswith("  -h, --help  Show this message")

    def test_version(self) -> None:
        result = farseer("--version")
        assert (result.exit_code, result.stdout) == (0, f"farseer {farseer_jax.__version__}\n")

    def test_choices_and_defaults_are_those_of_the_library(self, recorded: dict[str, Any]) -> None:
        criterion = next(p for p in command_named("fit").params if p.name == "criterion")
        assert isinstance(criterion.type, click.Choice)
        assert set(criterion.type.choices) == set(CRITERIA)
        assert farseer("fit", "--example").exit_code == 0
        assert recorded["method"] == Piecewise()
        ranges = {law.name: bounds for law, bounds in piecewise_method._RANGES.items()}
        assert model.DEFAULT_SEARCH == ranges
        options = "--law chinchilla --method piecewise"
        assert farseer("fit", "--example", *options.split()).exit_code == 0
        assert (recorded["law"], recorded["method"]) == (Chinchilla, Piecewise())
        assert farseer("fit", "--example", *options.split(), "--candidates", "9").exit_code == 0
        assert recorded["method"] == Piecewise(search=Grid(0.01, 1.0, 9))

    def test_help_and_usage_errors_load_no_library(self) -> None:
        commands = ["--help", "--version", "fit --help", "predict -h", "fitt", "fit", "fit --foo"]
        commands += ["fit --example --candidates 1", "fit --example --ratio x", "predict x.json"]
        commands += ["predict x.json --N a --D 1", "fit x.csv --json missing/fit.json"]
        commands += ["choices -h", "choices --example", "fit x.csv --law kapla"]
        commands += ["fit x.csv --link probit", "fit x.csv --fix E", "predict x.json --given P"]
        commands += ["bootstrap -h", "bootstrap --example --at 1e9", "bootstrap x.csv --out ."]
        commands += ["plot -h", "plot fit -h", "plot", "plot nothing", "plot fit"]
        commands += [
            "forecast -h",
            "forecast",
            "forecast --example --at 0,1",
            "forecast x.csv --fix k=1",
        ]
        code = f"""
import contextlib, sys
from farseer_jax.cli import main
for command in {commands!r}:
    with contextlib.suppress(SystemExit):
        main(command.split())
print([name for name in ("jax", "numpy", "pandas", "pyarrow", "rich") if name in sys.modules])
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert result.stdout.splitlines()[-1] == "[]"
        assert "Traceback" not in result.stderr

    def test_mistakes_in_a_file_are_told_without_jax(self, folder: Path) -> None:
        code = """
import contextlib, sys
from farseer_jax.cli import main
with contextlib.suppress(SystemExit):
    main(["fit", "missing.csv"])
print("jax" in sys.modules)
"""
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert (result.stdout, result.stderr) == ("False\n", "Error: missing.csv: no such file\n")
