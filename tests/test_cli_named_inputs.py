"""The shell over named inputs: laws as text, groups, responses, points and any columns."""

import json
import os
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from commands import farseer, refused

import farseer_jax
import farseer_jax as fj
from farseer_jax import links
from farseer_jax.cli import lists
from farseer_jax.fitting.fits import Fits
from farseer_jax.laws.expression_law import expression_law
from farseer_jax.runs import inputs

STREAMS = "E + (A/(N*(k*log(P)+1)))**alpha"
SMALL = "E + A/N**a"  # quickly fitted


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, **columns: Any) -> dict[str, Any]:
    """A table as a CSV file; None is an empty field."""
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    Path(path).write_text("\n".join(",".join(row) for row in cells) + "\n")
    return columns


@pytest.fixture
def table() -> dict[str, Any]:
    """Two arms of one law, with what else the options may name."""
    N = [1e8, 2e8, 4e8, 8e8, 1.6e9] * 2
    arm = ["old"] * 5 + ["new"] * 5
    P = [1, 2, 4, 1, 2] * 2
    rows = zip(N, P, arm, strict=True)
    loss = [2.0 + 0.1 * (a == "old") + 60 * (n * p) ** -0.25 for n, p, a in rows]
    web = [0.2, 0.5, 0.8, 0.3, 0.6] * 2
    share = {"share_web": web, "share_code": [1 - x for x in web]}
    return write("runs.csv", N=N, arm=arm, streams_of=P, loss=loss, w=[1, 2] * 5, **share)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What ``farseer fit`` hands to the library, which then fits something else."""
    seen: dict[str, Any] = {}
    made = fj.fit(SMALL, {"N": [1e8, 2e8, 4e8, 8e8], "loss": [3.5, 3.2, 3.0, 2.86]})

    def fake(law: object, runs: object, method: object, **options: object) -> fj.Fit:
        seen.update(law=law, runs=runs, method=method, options=options)
        return made  # type: ignore[no-any-return]

    monkeypatch.setattr(farseer_jax, "fit", fake)
    return seen


class TestContract:
    """Every option reaches the library; lists take commas, and options may be repeated."""

    LAW = "E + A/(N*P)**alpha + B/P**beta + b*sum(C[h]*h)"
    OPTIONS = (
        ("--by", "arm,w"),
        ("--shared", "alpha,beta"),
        ("--input", "P=streams_of,h=share_*"),
        ("--response", "los*"),
        ("--link", "logit:0.25:4"),
        ("--weights", "w"),
        ("--real", "b,C"),
        ("--bounds", "alpha=0:1,A=0.5:"),
        ("--fix", "E=1.69,B=2"),
        ("--tie", "alpha=beta"),
        ("--objective", "huber"),
    )

    def check(self, recorded: dict[str, Any]) -> None:
        kinds = {"N": "positive", "P": "positive", "h": "mixture"}
        assert recorded["law"] is expression_law(self.LAW, kinds, real=("C", "b"))
        assert recorded["options"] == {
            "by": ["arm", "w"],
            "shared": ["alpha", "beta"],
            "columns_of": {"P": "streams_of", "h": "share_*"},
            "response": ["los*"],
            "link": links.Link("logit", 0.25, 4.0),
            "weights": "w",
        }
        assert recorded["method"] == fj.LeastSquares(
            "huber",
            fixed={"E": 1.69, "B": 2.0},
            tied=[("alpha", "beta")],
            bounds={"alpha": (0.0, 1.0), "A": (0.5, np.inf)},
        )

    @pytest.mark.usefixtures("table")
    def test_lists_with_commas(self, recorded: dict[str, Any]) -> None:
        options = [text for option in self.OPTIONS for text in option]
        result = farseer("fit", "runs.csv", "--law", self.LAW, *options)
        assert result.exit_code == 0, result.stderr
        self.check(recorded)
        assert result.stderr == "inputs N, P, h; parameters E, A, alpha, B, beta, b, C[h]\n"

    @pytest.mark.usefixtures("table")
    def test_repeated_options(self, recorded: dict[str, Any]) -> None:
        options = [
            text for name, value in self.OPTIONS for own in value.split(",") for text in (name, own)
        ]
        assert farseer("fit", "runs.csv", "--law", self.LAW, *options).exit_code == 0
        self.check(recorded)

    @pytest.mark.usefixtures("table")
    def test_short_forms(self, recorded: dict[str, Any]) -> None:
        short = ["--N", "N", "--loss", "loss", "--standard-error", "w", "--kind", "P=count"]
        law = "E + A/(N*P)**a"
        result = farseer("fit", "runs.csv", "--law", law, "--input", "P=streams_of", *short)
        assert result.exit_code == 0, result.stderr
        assert recorded["law"] is expression_law(law, {"N": "positive", "P": "count"})
        options = recorded["options"]
        assert options.pop("columns_of") == {"N": "N", "P": "streams_of"}
        assert options == {"response": "loss", "standard_error": "w"}

    def test_selection_by_any_column(self, table: dict[str, Any], recorded: dict[str, Any]) -> None:
        options = "--input P=streams_of --min P=2,share_web=0.3 --max loss=2.6 --max-N 1e9"
        result = farseer("fit", "runs.csv", "--law", "E + A/(N*P)**a", *options.split())
        assert result.exit_code == 0, result.stderr
        rows = zip(*(table[name] for name in ("N", "streams_of", "share_web", "loss")), strict=True)
        kept = [row for row in rows if row[1] >= 2 and row[2] >= 0.3 and row[3] <= 2.6]
        expected = [row[0] for row in kept if row[0] <= 1e9]
        assert recorded["runs"]["N"].tolist() == expected
        assert 0 < len(expected) < len(kept)

    def test_choices_are_those_of_the_library(self) -> None:
        assert lists.KINDS == inputs.KINDS


class TestTexts:
    def test_columns_may_have_commas_of_their_own(self) -> None:
        assert lists.columns("h=web,code,N=size") == {"h": "web,code", "N": "size"}

    def test_bounds(self) -> None:
        inf = np.inf
        expected = {"a": (-1.0, 1e3), "b": (-inf, 2.0), "c": (0.5, inf)}
        assert lists.bounds("a=-1:1e3,b=:2,c=0.5:") == expected

    @pytest.mark.parametrize(
        ("parse", "text", "message"),
        [
            (
                lists.columns,
                "P",
                "expected NAME=VALUE (such as P=parallel_size or h=share_*), got 'P'",
            ),
            (lists.columns, "x,P=y", "expected NAME=VALUE"),
            (lists.columns, "P=x,P=y", "a name is given twice"),
            (lists.columns, "P=", "expected NAME=VALUE"),
            (lists.numbers, "E=big", "expected NAME=NUMBER (such as E=1.69), got 'E=big'"),
            (lists.numbers, "E=inf", "got 'E=inf'"),
            (lists.bounds, "a=1", "expected NAME=LOW:HIGH or one end of it"),
            (lists.bounds, "a=:", "got 'a=:'"),
            (lists.bounds, "a=2:1", "got 'a=2:1'"),
            (lists.ties, "a", "expected parameters that are equal"),
            (lists.ties, "a=b,c=", "got 'a=b,c='"),
            (lists.kinds, "x=whole", "unknown kind 'whole'; choose from positive, real"),
            (lists.link, "probit", "unknown link 'probit'; choose from log, identity, logit"),
            (lists.link, "log:0:1", "expected log, or logit with a floor"),
            (lists.link, "logit:1:0", "a higher ceiling"),
            (lists.names, "a,,b", "expected names with commas"),
        ],
    )
    def test_what_is_wrong(self, parse: Any, text: str, message: str) -> None:
        with pytest.raises(click.BadParameter) as caught:
            parse(text)
        assert message in caught.value.message


class TestRefusals:
    """One sentence each, exit code 2, and nothing written."""

    @pytest.mark.parametrize(
        ("law", "options", "message"),
        [
            ("E + foo(N)", "", "unknown function 'foo'"),
            ("E + A/N^a", "", "write ** for a power"),
            ("E + A/N.real", "", "there are no attributes"),
            ("__import__('os').system('true')", "", "a name begins with a letter"),
            (f"E + A/{'N' * 10_000}", "", "the law has 10,006 characters"),
            ("chinchila", "", "unknown law 'chinchila'; choose from farseer, chinchilla"),
            ("E + A/N**a + B/stream_of**b", "", "nearly matches the column 'streams_of'"),
            ("E + A*P", "--input P=streams_off", "no column 'streams_off', named as P"),
            ("E + A/N**a", "--input Q=w", "'Q' is bound to a column and does not occur"),
            ("E + A/N**a", "--input N=w --N w", "--N and --input N=… say the same"),
            ("E + A/N**a", "--loss w --response w", "--loss and --response say the same"),
            ("E + A/N**a", "--by arms", "no column 'arms', named as group"),
            ("E + A/N**a", "--by arm --shared q", "has no parameter 'q'"),
            ("E + A/N**a", "--shared a", "--shared goes with --by"),
            ("E + A/N**a", "--fix q=1", "has no parameter 'q'"),
            ("E + A/N**a", "--tie a=q", "has no parameter 'q'"),
            ("E + A/N**a", "--bounds q=0:1", "has no parameter 'q'"),
            ("E + A/N**a", "--fix E=1 --fix E=2", "'E' is given 2 times"),
            ("E + A/N**a", "--real q", "real parameter 'q' is unknown"),
            ("E + A/N**a", "--kind q=real", "'q' is no input of the law"),
            ("E + A/N**a", "--response bpc*", "no column matches 'bpc*'"),
            ("E + A/N**a", "--response none", "is missing in all 10 rows"),
            ("E + A/N**a", "--weights w --standard-error w", "both are given"),
            ("E + A/N**a", "--link logit", "are not between 0 and 1"),
            ("E + A/N**a", "--min arm=1", "column 'arm': rows 0, 1, 2"),
            ("E + A/N**a", "--min q=1", "these runs have no numbers 'q'; they have N"),
            ("E + A/N**a", "--max N=1", "no run is left with --max N=1"),
            ("E + A/N**a", "--method piecewise", "leave it out with an expression"),
            ("E + A/N**a", "--by arm --bootstrap 9", "--bootstrap refits one fit"),
            ("E + A/N**a", "--response loss,w --bootstrap 9", "--bootstrap refits one fit"),
            ("sum(C[h]*h)", "--input h=share_*,w", "do not sum to 1"),
            ("sum(C[arm]*arm)", "--kind arm=category --by arm", "has the one value 'old'"),
            ("chinchilla", "--real b", "--real goes with an expression"),
            ("chinchilla", "--kind b=real", "--kind goes with an expression"),
            ("farseer", "--fix E=1", "--fix does not go with the method piecewise"),
        ],
    )
    def test_fit(self, law: str, options: str, message: str, table: dict[str, Any]) -> None:
        write("runs.csv", **table, none=[None] * 10)
        command = ("fit", "runs.csv", "--json", "fit.json", "--law", law)
        refused(farseer(*command, *options.split()), message)
        assert os.listdir() == ["runs.csv"]

    @pytest.mark.usefixtures("table")
    def test_commands_over_N_and_D(self) -> None:
        assert farseer("fit", "runs.csv", "--law", SMALL, "--json", "fit.json").exit_code == 0
        sentence = "needs a law of N and D alone, and the law of fit.json has the inputs N:"
        refused(farseer("allocate", "fit.json", "--compute", "1e20"), f"allocate` {sentence}")
        refused(farseer("compare", "fit.json", "fit.json"), f"compare` {sentence}")
        choices = farseer("choices", "runs.csv", "--law", SMALL, "--at", "1e9,1e9")
        refused(choices, "choices` needs a law of N and D alone, and the law has the inputs N:")

    @pytest.mark.usefixtures("table")
    def test_commands_that_take_one_fit(self) -> None:
        options = ("--law", SMALL, "--response", "loss,w", "--at", "N=1e9")
        for command in ("bootstrap", "influence"):
            refused(farseer(command, "runs.csv", *options), "--response names 2 columns (loss, w)")
        law = "E + A/N**a + B/D**b"
        runs = fj.example_runs().select(max_N=1e9).to_dataframe()
        runs.assign(other=runs["loss"]).to_csv("both.csv", index=False)
        both = ("--response", "loss,other", "--num-starts", "2", "--json", "both.json")
        assert farseer("fit", "both.csv", "--law", law, *both).exit_code == 0
        refused(farseer("allocate", "both.json", "--compute", "1e20"), "both.json holds 2 fits")


class TestFit:
    @pytest.mark.usefixtures("table")
    def test_is_that_of_the_library(self, table: dict[str, Any]) -> None:
        law = "E + A/(N*P)**a"
        options = ["--input", "P=streams_of", "--by", "arm", "--shared", "a", "--weights", "w"]
        result = farseer("fit", "runs.csv", "--law", law, *options, "--json", "fit.json")
        expected = fj.fit(
            law, table, by="arm", shared="a", columns_of={"P": "streams_of"}, weights="w"
        )
        assert result.stdout == f"{expected}\n"
        lines = ["inputs N, P; parameters E, A, a", "Fits written to fit.json"]
        assert result.stderr.splitlines() == lines
        assert Path("fit.json").read_text() == expected.to_json()
        content = json.loads(Path("fit.json").read_text())
        assert content["expression"] == law
        streams = {"kind": "positive", "column": "streams_of"}
        assert content["inputs"] == {"N": {"kind": "positive"}, "P": streams}
        assert (content["link"], content["shared"], content["by"]) == ("log", ["a"], ["arm"])
        assert [fit["group"] for fit in content["fits"]] == [{"arm": "old"}, {"arm": "new"}]
        first, second = (fit["parameters"] for fit in content["fits"])
        assert first["a"] == second["a"] == pytest.approx(0.25, abs=1e-6)
        assert first["E"] - second["E"] == pytest.approx(0.1, abs=1e-6)
        assert "parameters" not in content

    @pytest.mark.usefixtures("table")
    def test_one_fit_stands_at_the_top_of_its_json_too(self) -> None:
        result = farseer("fit", "runs.csv", "--law", SMALL, "--min", "w=2", "--json", "-")
        content = json.loads(result.stdout)
        (own,) = content["fits"]
        assert (content["parameters"], content["outcome"]) == (own["parameters"], own["outcome"])
        assert (own["group"], own["response"], content["shared"]) == ({}, "loss", [])

    def test_runs_without_a_response_are_left_out_and_counted(self, table: dict[str, Any]) -> None:
        table["loss"][3] = None
        write("runs.csv", **table)
        result = farseer("fit", "runs.csv", "--law", SMALL, "--json", "fit.json")
        assert result.exit_code == 0, result.stderr
        assert "runs without a response, left out  1\n" in result.stdout
        content = json.loads(Path("fit.json").read_text())
        assert (content["num_left_out"], content["metrics"]["num_runs"]) == (1, 9)
        by_arm = farseer("fit", "runs.csv", "--law", SMALL, "--by", "arm", "--json", "fit.json")
        assert "\n1 run was left out, without a response\n" in f"{by_arm.stdout}\n"
        counts = [own["num_left_out"] for own in json.loads(Path("fit.json").read_text())["fits"]]
        assert counts == [1, 0]


class TestPredict:
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
            ("--N 1e9", "the law needs P too"),
            ("--N 1e9 --given Q=2", "the law has no Q"),
            ("--N 1e9 --given P=two", "expected a positive number (such as P=4), got P=two"),
            ("--N 1e9 --given P=-2", "got P=-2"),
            ("--N 1 --N 2 --given P=1,P=2,P=3", "N was given 2 times and another input 3"),
            ("--N 1e9 --given P=2 --group arm=other", "the group arm=other was not fitted"),
            ("--N 1e9 --given P=2 --group recipe=x", "the groups are by arm"),
            ("--N 1e9 --given P=2 --input P=p", "--input is about a table of runs"),
            ("larger.csv --given P=2", "--given is about points"),
            ("larger.csv --group arm=new", "--group is about points"),
            ("larger.csv", "the group arm=unheard was not fitted"),
            ("sizes.csv", "no column was recognised as P"),
            ("columns.csv", "no column 'arm', named as group"),
            ("larger.csv --response bpc", "no column 'bpc', named as response"),
            ("runs.csv --input P=streams_of --loss loss,w", "name its column"),
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
        options = ["--input", "h=share_*", "--response", "loss,w", "--json", "fit.json"]
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
        refused(farseer("predict", "fit.json", "--given", "share_web=0.9"), "needs share_code too")
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


class TestOtherCommands:
    OPTIONS = ("--law", "E + A/(N*P)**a", "--input", "P=streams_of", "--at", "N=4e9,P=8")

    @pytest.mark.usefixtures("table")
    def test_bootstrap(self, table: dict[str, Any]) -> None:
        options = ("--num-resamples", 16, "--at", "P=2,N=4e9", "--json", "-")
        result = farseer("bootstrap", "runs.csv", *self.OPTIONS, *options)
        assert result.exit_code == 0, result.stderr
        fit = fj.fit("E + A/(N*P)**a", table, columns_of={"P": "streams_of"})
        expected = fj.bootstrap(fit, 16).interval(N=[4e9, 4e9], P=[8, 2]).to_dict()
        assert json.loads(result.stdout)["intervals"] == expected["intervals"]
        assert [row["P"] for row in expected["intervals"]] == [8.0, 2.0]
        other = farseer("bootstrap", "runs.csv", *self.OPTIONS, "--at", "N=4e9")
        refused(other, "name the same inputs")
        refused(farseer("bootstrap", "runs.csv", *self.OPTIONS[:4], "--at", "1e9,1e9"), "has no D")

    @pytest.mark.usefixtures("table")
    def test_influence(self, table: dict[str, Any]) -> None:
        options = ("--noise", 1e-3, "--json", "-")
        result = farseer("influence", "runs.csv", *self.OPTIONS, *options)
        assert result.exit_code == 0, result.stderr
        fit = fj.fit("E + A/(N*P)**a", table, columns_of={"P": "streams_of"})
        expected = fj.influence(fit, at={"N": 4e9, "P": 8}, noise=1e-3)
        assert json.loads(result.stdout) == json.loads(json.dumps(expected.to_dict()))


def test_the_page_shows_the_fit_of_an_expression_to_the_example() -> None:
    page = (Path(__file__).parents[1] / "docs" / "shell.md").read_text(encoding="utf-8")
    law = "E + A/N**alpha + B/D**beta"
    options = ["--objective", "huber", "--tie", "alpha=beta"]
    assert f'farseer fit --example --law "{law}" {" ".join(options)}\n' in page
    printed = farseer("fit", "--example", "--law", law, *options).stdout
    assert f"```text\n{printed}```" in page


class TestRealRuns:
    """What ../shared/data/named_inputs/README.md and laws.md say, from the shell."""

    def test_parallel_streams(self, shared_data: Path) -> None:
        path = shared_data / "named_inputs" / "parallel.csv"
        options = ["--by", "corpus", "--objective", "huber", "--json", "fit.json"]
        assert farseer("fit", path, "--law", STREAMS, *options).exit_code == 0
        fits = {
            own["group"]["corpus"]: own for own in json.loads(Path("fit.json").read_text())["fits"]
        }
        published = {
            "pile": (1.3283, 1.641e8, 0.2072, 0.3426, 1.0845e-5),
            "stack": (0.7283, 1.077e7, 0.2074, 0.4024, 2.5210e-5),
        }
        for corpus, (E, A, alpha, k, objective) in published.items():
            own = fits[corpus]["parameters"]
            assert own["E"] == pytest.approx(E, abs=5e-5)
            assert own["A"] == pytest.approx(A, rel=5e-4)
            assert own["alpha"] == pytest.approx(alpha, abs=5.1e-5)
            assert own["k"] == pytest.approx(k, abs=5.1e-5)
            found = fits[corpus]["diagnostics"]["objective"]
            assert found == pytest.approx(objective, rel=5e-5)

    def test_negative_losses(self, shared_data: Path) -> None:
        path = shared_data / "named_inputs" / "vocabulary.csv"
        law = "-E + A/N_nonvocab**a + B/characters**b"
        options = ["--objective", "huber", "--max", "V=5e3", "--num-starts", "16"]
        refused(farseer("fit", path, "--law", law, *options), "are not positive")
        options += ["--link", "identity", "--json", "fit.json"]
        assert farseer("fit", path, "--law", law, *options).exit_code == 0
        content = json.loads(Path("fit.json").read_text())
        assert content["link"] == "identity"
        result = farseer("predict", "fit.json", path, "--max", "V=5e3", "--json", "p.json")
        assert result.exit_code == 0, result.stderr
        predictions = json.loads(Path("p.json").read_text())
        assert predictions["metrics"]["r2"] > 0.98
        assert max(row["observed"] for row in predictions["predictions"]) < 0

    def test_fine_tuning_curves_in_one_call(self, shared_data: Path) -> None:
        path = shared_data / "named_inputs" / "finetuning.csv"
        law = "E + B/(D_l + examples**beta)"
        options = ["--by", "model,dataset", "--num-starts", "8", "--json", "fit.json"]
        result = farseer("fit", path, "--law", law, *options)
        assert result.exit_code == 0, result.stderr
        content = json.loads(Path("fit.json").read_text())
        assert len(content["fits"]) == 42
        assert content["by"] == ["model", "dataset"]
        predicted = farseer("predict", "fit.json", path, "--json", "-")
        predictions = json.loads(predicted.stdout)
        assert len(predictions["predictions"]) == 504
        assert len(predictions["metrics_by"]) == 42
        assert predictions["metrics"]["r2"] > 0.995
        assert predictions["predictions"][0]["group"] == content["fits"][0]["group"]
