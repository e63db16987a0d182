"""``farseer optimise``: what it hands to the library, prints and refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import farseer, refused
from weighted_mean import WeightedMean, fit_of, mean_fit

import farseer_jax as fj
from farseer_jax.cli.values import amounts
from farseer_jax.fitting.fits import Fits
from farseer_jax.plots import plot_optimum
from farseer_jax.results.digest import json_text

SHARES = ("web", "code", "math")
Mixed = fj.law("N, h | (E + A/N**a)/sum(c[h]*h**g[h])")


def fit_with(law: fj.Law, runs: fj.Runs, **more: Any) -> fj.Fit:
    """A fit that costs nothing."""
    made = fit_of(law, runs, WeightedMean())
    made.__dict__["warnings"] = ("this fit is odd.",)
    for name, value in more.items():
        object.__setattr__(made, name, value)
    return made


@pytest.fixture
def sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fj.Fit:
    """What every file holds: a fit over N and D."""
    made = fit_with(fj.Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28), mean_fit().runs)
    monkeypatch.setattr(Fits, "from_json", lambda path: Fits((made,)))
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fj.Fit:
    """What every file holds: a fit over N and a mixture."""
    rng = np.random.default_rng(0)
    runs = fj.Runs(
        N=np.full(20, 1e9), loss=np.full(20, 3.0), inputs={"h": rng.dirichlet([2, 2, 2], 20)},
        kinds={"h": "mixture"}, shares={"h": SHARES},
    )  # fmt: skip
    law = Mixed.with_shares({"h": SHARES})(
        E=1.7, A=300.0, a=0.33, c=np.array([0.4, 0.5, 0.1]), g=np.array([0.2, 0.6, 1.2])
    )
    made = fit_with(law, runs)
    monkeypatch.setattr(Fits, "from_json", lambda path: Fits((made,)))
    monkeypatch.chdir(tmp_path)
    return made


class TestCommand:
    def test_prints_the_table_and_writes_it(self, sizes: fj.Fit) -> None:
        found = farseer(
            "optimise", "fit.json", "--over", "N,D", "--cost", "6*N*D", "--budget", "1e21,1e22",
            "--json", "o.json",
        )  # fmt: skip
        expected = fj.optimise(sizes, ["N", "D"], cost="6*N*D", budget=[1e21, 1e22])
        assert (found.exit_code, found.stdout) == (0, f"{expected}\nwarning: this fit is odd.\n")
        assert found.stderr == "Optima written to o.json\n"
        content = json.loads(Path("o.json").read_text())
        own = json.loads(expected.to_json())
        own = {**own, "warnings": [*own["warnings"], "this fit is odd."]}
        assert content == json.loads(json_text(own))

    def test_a_mixture_with_its_given_inputs_and_figure(self, mixed: fj.Fit) -> None:
        found = farseer(
            "optimise", "fit.json", "--over", "h", "--given", "N=1e9,N=7e9", "--whole-simplex",
            "--at-most", "code=0.5", "--save", "o.png",
        )  # fmt: skip
        expected = fj.optimise(
            mixed, "h", given={"N": [1e9, 7e9]}, whole_simplex=True, at_most={"code": 0.5}
        )
        assert found.exit_code == 0
        assert found.stdout.startswith(str(expected).partition("warning")[0])
        assert "(--whole-simplex)" in found.stdout
        assert Path("o.png").read_bytes().startswith(b"\x89PNG")

    def test_shares_are_given_one_by_one(self, mixed: fj.Fit) -> None:
        given = ["--given", "web=0.5,code=0.25", "--given", "math=0.25"]
        found = farseer("optimise", "fit.json", "--over", "N", *given, "--subject-to", "N <= 2e9")
        assert found.exit_code == 0
        assert "0.2500   0.2500   2 B" in found.stdout

    def test_budgets_are_numbers_and_ranges(self) -> None:
        assert amounts.read("1e20,1e22:1e24") == [1e20, 1e22, 1e23, 1e24]


class TestRefusals:
    def test_in_options(self, sizes: fj.Fit) -> None:
        command = ["optimise", "fit.json", "--over", "N,D"]
        refused(farseer(*command), "give a budget, such as --budget 1e21")
        refused(farseer(*command, "--cost", "6*N*D"), "--cost goes with --budget")
        refused(farseer(*command, "--level", "0.5"), "--level goes with --bootstrap")
        refused(farseer(*command, "--budget", "1e21", "--given", "N=x"), "expected a number")
        refused(farseer("optimise", "fit.json"), "--over")
        refused(farseer("optimise", "fit.json", "--over", "N"), "also needs D", "--given D=")

    def test_laws_that_were_averaged(self, sizes: fj.Fit) -> None:
        Path("choice.json").write_text('{"format": "farseer_jax.LawChoice"}')
        found = farseer("optimise", "choice.json", "--over", "h")
        refused(found, "expected the fit of one law, got laws that were chosen and averaged")

    def test_which_of_several_fits(self, sizes: fj.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
        several = [fit_with(sizes.law, sizes.runs, response=response) for response in ("a", "b")]
        monkeypatch.setattr(Fits, "from_json", lambda path: Fits(tuple(several)))
        command = ["optimise", "fit.json", "--over", "N,D", "--budget", "1e21"]
        refused(farseer(*command), "expected one fit, got 2: choose one by --response")
        refused(farseer(*command, "--response", "c"), "unknown response 'c'; choose from a, b")
        assert farseer(*command, "--response", "b").exit_code == 0


class TestFigure:
    def test_bars_have_the_shares_of_each_point(self, mixed: fj.Fit) -> None:
        found = fj.optimise(mixed, "h", given={"N": [1e9, 2e9]})
        axes = plot_optimum(found)
        heights = [bar.get_height() for bar in axes.patches]
        expected = [found.inputs[name][k] for k in (0, 1) for name in SHARES]
        np.testing.assert_allclose(heights, expected)
        assert axes.get_ylabel() == "share"

    def test_the_loss_along_a_budget_is_least_at_the_optimum(self, sizes: fj.Fit) -> None:
        found = fj.optimise(sizes, ["N", "D"], budget=1e21)
        axes = plot_optimum(found, input="D")
        D, loss = axes.lines[0].get_data()
        np.testing.assert_allclose(loss, sizes.predict(1e21 / 6 / np.asarray(D), D), rtol=1e-9)
        assert np.nanmin(loss) >= found.loss[0] - 1e-12
        title = "Loss around the optimum at 6*N*D = 1e+21\nN adjusted to the constraint"
        assert axes.get_title(loc="left") == title

    def test_an_unknown_input(self, sizes: fj.Fit) -> None:
        found = fj.optimise(sizes, ["N", "D"], budget=1e21)
        with pytest.raises(ValueError, match="input: unknown 'h'; choose from N, D"):
            plot_optimum(found, input="h")
