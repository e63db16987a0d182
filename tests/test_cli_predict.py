"""``farseer predict``: at points and for tables, of one fit and of several."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import TABLE, farseer, refused, write

from farseer_jax import Fit, Prediction, example_runs
from farseer_jax.fitting.fits import Fits


class TestPredict:
    def test_points_pair_up(self, example: Fit, fit_file: Path) -> None:
        args = ["--N", "7e9", "--D", "1e11", "--N", "25.1e9", "--D", "5e11", "--json", "-"]
        result = farseer("predict", fit_file, *args)
        assert (result.exit_code, result.stderr) == (0, "")
        content = json.loads(result.stdout)
        losses = example.predict([7e9, 25.1e9], [1e11, 5e11])
        known: dict[str, Any] = {"group": {}, "response": "loss"}
        assert content["predictions"] == [
            {"N": 7e9, "D": 1e11, **known, "predicted": losses[0], "observed": None},
            {"N": 25.1e9, "D": 5e11, **known, "predicted": losses[1], "observed": None},
        ]
        assert set(content["metrics"].values()) == {None}

    @pytest.mark.parametrize(
        ("args", "N", "D"),
        [
            ("--N 7e9 --D 1e11 --D 2e11 --D 3e11", [7e9] * 3, [1e11, 2e11, 3e11]),
            ("--D 1e11 --N 7e9 --N 8e9", [7e9, 8e9], [1e11] * 2),
        ],
    )
    def test_one_goes_with_all_of_the_other(
        self, args: str, N: list[float], D: list[float], fit_file: Path
    ) -> None:
        result = farseer("predict", fit_file, *args.split(), "--json", "-")
        rows = json.loads(result.stdout)["predictions"]
        assert [(row["N"], row["D"]) for row in rows] == list(zip(N, D, strict=True))

    def test_prints_a_table(self, fit_file: Path) -> None:
        result = farseer("predict", fit_file, "--N", "25.1e9", "--D", "5e11")
        assert (result.exit_code, result.stderr) == (0, "")
        header, _, row = result.stdout.splitlines()
        assert header.split() == ["N", "D", "predicted"]
        assert row.split()[:4] == ["25.1", "B", "500", "B"]

    def test_runs_stand_beside_their_losses(
        self, example: Fit, fit_file: Path, folder: Path
    ) -> None:
        runs = example_runs(seed=1)
        runs.to_dataframe().rename(columns={"N": "size", "loss": "out"}).to_csv("runs.csv")
        options = "--N size --loss out --min-N 6e9 --max-D 3e10 --json predictions.json"
        result = farseer("predict", fit_file, "runs.csv", *options.split())
        assert result.exit_code == 0
        assert result.stderr == "Predictions written to predictions.json\n"
        expected = example.evaluate(runs.select(min_N=6e9, max_D=3e10))
        assert result.stdout == f"{expected}\n"
        assert f"mean relative error  {expected.mean_relative_error:.3e}" in result.stdout
        content = json.loads(Path("predictions.json").read_text())
        assert json.loads(json.dumps(expected.to_dict())).items() <= content.items()
        assert str(Prediction.from_json("predictions.json")) == str(expected)

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ("", "Nothing to predict"),
            ("--N 1e9", "the law also needs D"),
            (
                "--N 1e9 --N 2e9 --D 1e9 --D 2e9 --D 3e9",
                "N was given 2 times and another input 3 times",
            ),
            ("--N size --D 1e9", "'--N': expected a positive number such as 7B, got 'size'"),
            ("--N 1e9 --D -5", "'--D': expected a positive number such as 7B, got '-5'"),
            ("--N 1e9 --D nan", "got 'nan'"),
            ("--N 1e9 --D 1e9 --min-N 1e9", "--min-N is for a table of runs"),
            ("--N 1e9 --D 1e9 --loss bpc", "--loss is for a table of runs"),
            ("--N 1e-300 --D 1e-300", "no finite loss at N=1e-300, D=1e-300"),
            ("runs.csv --N 25.1e9", "--N 25.1e9 names a column (leave RUNS out"),
            ("runs.csv --N a --N b", "with a table RUNS it names one column"),
            ("runs.csv --loss final --min-N 1e12", "no run is left with --min-N 1e+12"),
        ],
    )
    def test_misuse(self, args: str, message: str, fit_file: Path, folder: Path) -> None:
        Path("runs.csv").write_text(TABLE)
        refused(farseer("predict", fit_file, *args.split()), message)


class TestTablesOfPoints:
    """They are checked as the tables of fits are."""

    @pytest.fixture(autouse=True)
    def fitted(self, folder: Path) -> None:
        N, D = (own.ravel() for own in np.meshgrid(1e8 * 2.0 ** np.arange(4), [2e9, 8e9, 3e10]))
        self.N, self.D = N, D
        self.loss = 1.7 + 406.4 / N**0.34 + 410.7 / D**0.28
        write("runs.csv", N=N, D=D, loss=self.loss)
        options = ["--law", "chinchilla", "--json", "fit.json"]
        assert farseer("fit", "runs.csv", *options).exit_code == 0

    @pytest.mark.parametrize("with_loss", [True, False])
    @pytest.mark.parametrize(
        ("name", "spoiled", "message"),
        [
            ("N", lambda N, D: N * np.tile([1.0, 1e-9], 6), "column 'N' mixes units"),
            ("D", lambda N, D: 6 * N * D, "too large for a number of training tokens"),
            ("N", lambda N, D: N / 1e9, "--N-unit 1e9"),
        ],
    )
    def test_units_and_meanings(
        self, name: str, spoiled: Any, message: str, with_loss: bool
    ) -> None:
        table = {"N": self.N, "D": self.D, **({"loss": self.loss} if with_loss else {})}
        write("points.csv", **{**table, name: spoiled(self.N, self.D)})
        result = farseer("predict", "fit.json", "points.csv")
        refused(result, "points.csv: ", message, "farseer predict fit.json points.csv --")

    def test_observed_perplexities(self) -> None:
        write("points.csv", N=self.N, D=self.D, loss=np.exp(self.loss))
        result = farseer("predict", "fit.json", "points.csv")
        refused(result, "if it is a perplexity", "--derive 'loss = log(loss)'")
        given = ["points.csv", "--derive", "loss = log(loss)", "--json", "p.json"]
        assert farseer("predict", "fit.json", *given).exit_code == 0
        assert json.loads(Path("p.json").read_text())["metrics"]["mean_relative_error"] < 1e-3

    def test_tokens_per_parameter_of_points_without_a_loss(self) -> None:
        write("points.csv", params_B=[7.0, 13.0], tokens_per_param=[20, 200])
        proposed = "--derive 'D = tokens_per_param*N'"
        refused(farseer("predict", "fit.json", "points.csv"), proposed)
        given = ["points.csv", "--derive", "D = tokens_per_param*N", "--json", "p.json"]
        assert farseer("predict", "fit.json", *given).exit_code == 0
        rows = json.loads(Path("p.json").read_text())["predictions"]
        assert [(row["N"], row["D"]) for row in rows] == [(7e9, 1.4e11), (1.3e10, 2.6e12)]

    def test_an_error_names_the_file(self) -> None:
        write("points.csv", N=[1e9], D=[1e10])
        refused(farseer("predict", "fit.json", "points.csv", "--D", "tok"), "points.csv: ", "'tok'")


@pytest.mark.usefixtures("folder")
class TestAnyLaw:
    @pytest.fixture
    def fitted(self, table: dict[str, Any]) -> Fits:
        """By arm, with streams P."""
        options = ["--input", "P=streams_of", "--by", "arm", "--json", "fit.json"]
        assert farseer("fit", "runs.csv", "--law", "E + A/(N*P)**a", *options).exit_code == 0
        return Fits.from_json("fit.json")

    def rows(self, *args: object) -> list[dict[str, Any]]:
        result = farseer("predict", "fit.json", *args, "--json", "-")
        assert result.exit_code == 0, result.stderr
        found: list[dict[str, Any]] = json.loads(result.stdout)["predictions"]
        return found

    @pytest.mark.usefixtures("fitted")
    def test_rows_are_those_of_the_table_in_its_order(self, fitted: Fits) -> None:
        N, arm = [4e9, 1e9, 2e9], ["new", "old", "new"]
        write("larger.csv", arm=arm, N=N, P=[1, 2, 8], loss=[2.4, None, 2.2])
        result = farseer("predict", "fit.json", "larger.csv", "--json", "p.json")
        assert result.exit_code == 0, result.stderr
        content = json.loads(Path("p.json").read_text())
        keys = ["N", "P", "group", "response", "predicted", "observed"]
        assert [list(row) for row in content["predictions"]] == [keys] * 3
        for i, row in enumerate(content["predictions"]):
            expected = fitted.of({"arm": arm[i]}).predict(N=N[i], P=[1, 2, 8][i])
            assert (row["N"], row["group"], row["response"]) == (N[i], {"arm": arm[i]}, "loss")
            assert row["predicted"] == expected
            assert row["observed"] == [2.4, None, 2.2][i]
        predicted = np.array([row["predicted"] for row in content["predictions"]])[[0, 2]]
        errors = np.abs(predicted / np.array([2.4, 2.2]) - 1)
        metrics = content["metrics"]
        assert metrics["mean_relative_error"] == pytest.approx(errors.mean(), rel=1e-12)
        groups = [(row["group"]["arm"], row["response"]) for row in content["metrics_by"]]
        assert groups == [("new", "loss"), ("old", "loss")]
        assert content["metrics_by"][1]["mean_absolute_error"] is None
        assert f"{metrics['r2']:.4f}" in result.stdout

    def test_no_response_is_needed(self, fitted: Fits) -> None:
        write("larger.csv", arm=["new"], N=[4e9], streams=[2])
        (row,) = self.rows("larger.csv")
        assert row["observed"] is None
        assert row["predicted"] == fitted[1].predict(N=4e9, P=2)
        table = farseer("predict", "fit.json", "larger.csv").stdout
        assert table.split()[:4] == ["arm", "N", "P", "predicted"]

    @pytest.mark.usefixtures("fitted")
    def test_columns_of_other_names(self) -> None:
        write("larger.csv", arm=["new"] * 2, size=[4, 9], p=[2, 2], val=[2.3, 2.2])
        named = ["--N", "size", "--N-unit", "1e9", "--input", "P=p", "--loss", "val"]
        rows = self.rows("larger.csv", *named, "--min", "val=2.25")
        assert [(row["N"], row["P"], row["observed"]) for row in rows] == [(4e9, 2.0, 2.3)]

    def test_points_of_every_group(self, fitted: Fits) -> None:
        rows = self.rows("--N", "4e9", "--given", "P=2,P=8")
        points = [(row["group"]["arm"], row["N"], row["P"]) for row in rows]
        assert points == [(arm, 4e9, p) for arm in ("old", "new") for p in (2.0, 8.0)]
        own = self.rows("--N", "4e9", "--given", "P=2", "--given", "P=8", "--group", "arm=new")
        assert own == rows[2:]
        assert own[1]["predicted"] == fitted[1].predict(N=4e9, P=8)

    @pytest.mark.usefixtures("fitted")
    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ("--N 1e9", "the law also needs P"),
            ("--N 1e9 --given Q=2", "the law has no input Q"),
            ("--N 1e9 --given P=two", "expected a positive number (such as P=4), got P=two"),
            ("--N 1e9 --given P=-2", "got P=-2"),
            ("--N 1 --N 2 --given P=1,P=2,P=3", "N was given 2 times and another input 3"),
            ("--N 1e9 --given P=2 --group arm=other", "the group arm=other was not fitted"),
            ("--N 1e9 --given P=2 --group recipe=x", "the groups are by arm"),
            ("--N 1e9 --given P=2 --input P=p", "--input is for a table of runs"),
            ("larger.csv --given P=2", "--given is for points"),
            ("larger.csv --group arm=new", "--group is for points"),
            ("larger.csv", "the group arm=unheard was not fitted"),
            ("sizes.csv", "no column was recognised as P"),
            ("columns.csv", "no column 'arm', named as a group"),
            ("larger.csv --response bpc", "no column 'bpc', named as a response"),
            ("runs.csv --input P=streams_of --loss loss,w", "expected one column for the response"),
        ],
    )
    def test_misuse(self, args: str, message: str) -> None:
        write("larger.csv", arm=["unheard"], N=[4e9], P=[2])
        write("columns.csv", N=[4e9], P=[2])
        write("sizes.csv", arm=["new"], N=[4e9])
        refused(farseer("predict", "fit.json", *args.split(), "--json", "p.json"), message)
        assert not Path("p.json").exists()

    @pytest.mark.usefixtures("table")
    def test_a_mixture_and_several_responses(self) -> None:
        options = ["--input", "h=share_*", "--response", "loss,w", "--as-is", "--json", "fit.json"]
        assert farseer("fit", "runs.csv", "--law", "E + sum(C[h]*h)", *options).exit_code == 0
        content = json.loads(Path("fit.json").read_text())
        assert content["inputs"]["h"]["entries"] == ["share_web", "share_code"]
        assert set(content["fits"][0]["parameters"]["C"]) == {"share_web", "share_code"}
        write("mixed.csv", share_code=[0.1, 1], share_web=[0.9, 0], w=[1.5, 1.5])
        rows = self.rows("mixed.csv")
        responses = [(row["response"], row["share_web"], row["observed"]) for row in rows]
        assert responses == [
            ("loss", 0.9, None), ("w", 0.9, 1.5), ("loss", 0.0, None), ("w", 0.0, 1.5)
        ]  # fmt: skip
        assert self.rows("mixed.csv", "--response", "w", "--input", "h=share_*") == rows[1::2]
        shares = ["--given", "share_web=0.9", "--given", "share_code=0.1"]
        assert [row["predicted"] for row in self.rows(*shares)] == pytest.approx(
            [row["predicted"] for row in rows[:2]], rel=1e-12
        )
        refused(farseer("predict", "fit.json", "--given", "share_web=0.9"), "also needs share_code")
        wrong = ["--given", "share_web=0.9,share_code=0.2"]
        refused(farseer("predict", "fit.json", *wrong), "does not sum to 1")
        other = farseer("predict", "fit.json", "mixed.csv", "--input", "h=w")
        refused(other, "was fitted with the columns share_web, share_code")
        refused(farseer("predict", "fit.json", "mixed.csv", "--response", "bpc"), "'bpc'")

    @pytest.mark.usefixtures("table")
    def test_a_category(self) -> None:
        options = ["--kind", "arm=category", "--json", "fit.json"]
        law = "sum(E[arm]*arm) + A/N**a"
        assert farseer("fit", "runs.csv", "--law", law, *options).exit_code == 0
        old, new = self.rows("--N", "1e9", "--given", "arm=old,arm=new")
        assert (old["arm"], new["arm"]) == ("old", "new")
        assert old["predicted"] - new["predicted"] == pytest.approx(0.1, abs=1e-3)
        refused(farseer("predict", "fit.json", "--N", "1e9", "--given", "arm=x"), "not 'x'")

    def test_no_relative_error_where_an_observation_is_0(self) -> None:
        x = np.linspace(1.0, 3.0, 8)
        write("runs.csv", x=x, loss=1 / x - 0.5)
        law = ("--law", "A/x - E", "--link", "identity", "--json", "fit.json")
        assert farseer("fit", "runs.csv", *law).exit_code == 0
        write("some.csv", x=[1.0, 2.0], loss=[0.5, 0.0])
        result = farseer("predict", "fit.json", "some.csv", "--json", "-")
        metrics = json.loads(result.stdout)["metrics"]
        assert metrics["mean_relative_error"] is None
        assert metrics["mean_absolute_error"] == pytest.approx(0.0, abs=1e-9)
        assert metrics["r2"] == pytest.approx(1.0, abs=1e-9)

    def test_a_point_without_a_finite_loss_is_named(self) -> None:
        """No law of positive parameters has none: this one divides by zero."""
        x = np.linspace(2.0, 3.0, 8)
        write("runs.csv", x=x, loss=2 + 1 / (x - 1))
        law = ("--law", "E + A/(x-1)", "--kind", "x=real", "--json", "fit.json")
        assert farseer("fit", "runs.csv", *law).exit_code == 0
        refused(farseer("predict", "fit.json", "--given", "x=1"), "no finite loss at x=1")


class TestRealRuns:
    def test_the_largest_models_are_predicted(self, shared_data: Path, folder: Path) -> None:
        table = shared_data / "farseer_404.csv"
        options = ["--min-N", "2e8", "--max-N", "5.36e9", "--json", "fit.json"]
        assert farseer("fit", table, *options).exit_code == 0
        result = farseer("predict", "fit.json", table, "--min-N", "6e9", "--json", "p.json")
        assert result.exit_code == 0
        content = json.loads(Path("p.json").read_text())
        assert content["metrics"]["mean_relative_error"] <= 5.5e-4
        assert f"{content['metrics']['mean_relative_error']:.3e}" in result.stdout
        keys = ["N", "D", "group", "response", "predicted", "observed"]
        assert list(content["predictions"][0]) == keys
        errors = [row["predicted"] / row["observed"] - 1 for row in content["predictions"]]
        assert np.abs(errors).max() < 2e-3
