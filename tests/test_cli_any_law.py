"""The shell over named inputs: laws as text, groups, responses and any columns."""

import json
import os
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from commands import farseer, refused, write

import farseer_jax as fj
from farseer_jax import link_functions as links
from farseer_jax.cli import values
from farseer_jax.laws.expression_law import expression_law
from farseer_jax.runs import inputs

pytestmark = pytest.mark.usefixtures("folder")

STREAMS = "E + (A/(N*(k*log(P)+1)))**alpha"
SMALL = "E + A/N**a"  # quickly fitted


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
        short = [
            "--N",
            "N",
            "--loss",
            "loss",
            "--standard-error",
            "w",
            "--kind",
            "P=count",
            "--as-is",
        ]
        law = "E + A/(N*P)**a"
        result = farseer("fit", "runs.csv", "--law", law, "--input", "P=streams_of", *short)
        assert result.exit_code == 0, result.stderr
        assert recorded["law"] is expression_law(law, {"N": "positive", "P": "count"})
        options = recorded["options"]
        assert options.pop("columns_of") == {"N": "N", "P": "streams_of"}
        assert options == {"response": "loss", "standard_error": "w"}

    def test_selection_by_any_column(self, table: dict[str, Any], recorded: dict[str, Any]) -> None:
        options = "--input P=streams_of --min P=2,share_web=0.3 --max loss=2.6 --max-N 1e9 --as-is"
        result = farseer("fit", "runs.csv", "--law", "E + A/(N*P)**a", *options.split())
        assert result.exit_code == 0, result.stderr
        rows = zip(*(table[name] for name in ("N", "streams_of", "share_web", "loss")), strict=True)
        kept = [row for row in rows if row[1] >= 2 and row[2] >= 0.3 and row[3] <= 2.6]
        expected = [row[0] for row in kept if row[0] <= 1e9]
        assert recorded["runs"]["N"].tolist() == expected
        assert 0 < len(expected) < len(kept)

    def test_choices_are_those_of_the_library(self) -> None:
        assert values.KINDS == inputs.KINDS


class TestTexts:
    def test_columns_may_have_commas_of_their_own(self) -> None:
        assert values.columns("h=web,code,N=size") == {"h": "web,code", "N": "size"}

    def test_bounds(self) -> None:
        inf = np.inf
        expected = {"a": (-1.0, 1e3), "b": (-inf, 2.0), "c": (0.5, inf)}
        assert values.bounds("a=-1:1e3,b=:2,c=0.5:") == expected

    @pytest.mark.parametrize(
        ("parse", "text", "message"),
        [
            (
                values.columns,
                "P",
                "expected NAME=VALUE (such as P=parallel_size or h=share_*), got 'P'",
            ),
            (values.columns, "x,P=y", "expected NAME=VALUE"),
            (values.columns, "P=x,P=y", "a name is given twice"),
            (values.columns, "P=", "expected NAME=VALUE"),
            (values.numbers_by_name, "E=big", "expected NAME=NUMBER (such as E=1.69), got 'E=big'"),
            (values.numbers_by_name, "E=inf", "got 'E=inf'"),
            (values.bounds, "a=1", "expected NAME=LOW:HIGH or one end of it"),
            (values.bounds, "a=:", "got 'a=:'"),
            (values.bounds, "a=2:1", "got 'a=2:1'"),
            (values.ties, "a", "expected parameters that are equal"),
            (values.ties, "a=b,c=", "got 'a=b,c='"),
            (values.kinds, "x=whole", "unknown kind 'whole'; choose from positive, real"),
            (
                values.link,
                "probit",
                "unknown link 'probit'; choose from log, identity, logit",
            ),
            (values.link, "log:0:1", "expected log, or logit with a floor"),
            (values.link, "logit:1:0", "a higher ceiling"),
            (values.names, "a,,b", "expected names separated by commas"),
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
            ("E + A/N.real", "", "quote it"),
            ("__import__('os').system('true')", "", "begin it with a letter"),
            (f"E + A/{'N' * 10_000}", "", "the formula has 10,006 characters"),
            ("chinchila", "", "unknown law 'chinchila'; did you mean 'chinchilla'?"),
            ("E + A/N**a + B/stream_of**b", "", "nearly matches the column 'streams_of'"),
            ("E + A*P", "--input P=streams_off", "no column 'streams_off', named as P"),
            ("E + A/N**a", "--input Q=w", "'Q' is bound to a column but does not occur"),
            ("E + A/N**a", "--input N=w --N w", "--N and --input N=… name the same"),
            ("E + A/N**a", "--loss w --response w", "--loss and --response name the same"),
            ("E + A/N**a", "--by arms", "no column 'arms', named as a group"),
            ("E + A/N**a", "--by arm --shared q", "has no parameter 'q'"),
            ("E + A/N**a", "--shared a", "--shared goes with --by"),
            ("E + A/N**a", "--fix q=1", "has no parameter 'q'"),
            ("E + A/N**a", "--tie a=q", "has no parameter 'q'"),
            ("E + A/N**a", "--bounds q=0:1", "has no parameter 'q'"),
            ("E + A/N**a", "--fix E=1 --fix E=2", "'E' is given 2 times"),
            ("E + A/N**a", "--real q", "real parameter 'q' is unknown"),
            ("E + A/N**a", "--kind q=real", "unknown input 'q'"),
            ("E + A/N**a", "--response bpc*", "no column matches 'bpc*'"),
            ("E + A/N**a", "--response none", "column 'none' (loss): rows 0, 1, 2"),
            ("E + A/N**a", "--weights w --standard-error w", "are both given"),
            ("E + A/N**a", "--link logit", "are not between 0 and 1"),
            ("E + A/N**a", "--min arm=1", "column 'arm': rows 0, 1, 2"),
            ("E + A/N**a", "--min q=1", "the runs have no numeric column 'q'; choose from N"),
            ("E + A/N**a", "--max N=1", "no run is left with --max N=1"),
            ("E + A/N**a", "--method piecewise", "leave it out with an expression"),
            ("E + A/N**a", "--by arm --bootstrap 9", "--bootstrap refits one fit"),
            ("E + A/N**a", "--response loss,w --bootstrap 9", "--bootstrap refits one fit"),
            ("sum(C[h]*h)", "--input h=share_*,w", "do not sum to 1"),
            ("sum(C[arm]*arm)", "--kind arm=category --by arm", "has the same value 'old'"),
            ("chinchilla", "--real b", "--real is only for an expression"),
            ("chinchilla", "--kind b=real", "--kind is only for an expression"),
            ("farseer", "--fix E=1", "--fix does not go with the method piecewise"),
        ],
    )
    def test_fit(self, law: str, options: str, message: str, table: dict[str, Any]) -> None:
        write("runs.csv", **table, none=[None] * 10)
        command = ("fit", "runs.csv", "--as-is", "--json", "fit.json", "--law", law)
        refused(farseer(*command, *options.split()), message)
        assert os.listdir() == ["runs.csv"]

    @pytest.mark.usefixtures("table")
    def test_commands_over_N_and_D(self) -> None:
        of_new = ("--law", SMALL, "--where", "arm = 'new'")
        assert farseer("fit", "runs.csv", *of_new, "--json", "fit.json").exit_code == 0
        sentence = "needs a law over N and D alone, and the law of fit.json has the inputs N:"
        refused(farseer("allocate", "fit.json", "--compute", "1e20"), f"allocate` {sentence}")
        refused(farseer("compare", "fit.json", "fit.json"), f"compare` {sentence}")
        choices = farseer("choices", "runs.csv", *of_new, "--at", "1e9,1e9")
        refused(choices, "choices` needs a law over N and D alone, and the law has the inputs N:")

    @pytest.mark.usefixtures("table")
    def test_commands_that_take_one_fit(self) -> None:
        options = ("--law", SMALL, "--response", "loss,w", "--at", "N=1e9", "--as-is")
        for command in ("bootstrap", "influence"):
            refused(
                farseer(command, "runs.csv", *options),
                "--response: expected one column for this command, got loss, w",
            )
        law = "E + A/N**a + B/D**b"
        runs = fj.example_runs().select(max_N=1e9).to_dataframe()
        runs.assign(other=runs["loss"]).to_csv("both.csv", index=False)
        both = ("--response", "loss,other", "--num-starts", "2", "--json", "both.json")
        assert farseer("fit", "both.csv", "--law", law, *both).exit_code == 0
        refused(farseer("allocate", "both.json", "--compute", "1e20"), "expected one fit, got 2")


class TestOtherCommands:
    OPTIONS = ("--as-is", "--law", "E + A/(N*P)**a", "--input", "P=streams_of", "--at", "N=4e9,P=8")

    @pytest.mark.usefixtures("table")
    def test_bootstrap(self, table: dict[str, Any]) -> None:
        options = ("--num-resamples", 16, "--at", "P=2,N=4e9", "--json", "-")
        result = farseer("bootstrap", "runs.csv", *self.OPTIONS, *options)
        assert result.exit_code == 0, result.stderr
        both = fj.read_table(table, as_is=True)
        fit = fj.fit("E + A/(N*P)**a", both, columns_of={"P": "streams_of"})
        expected = fj.bootstrap(fit, 16).interval(N=[4e9, 4e9], P=[8, 2]).to_dict()
        assert json.loads(result.stdout)["intervals"] == expected["intervals"]
        assert [row["P"] for row in expected["intervals"]] == [8.0, 2.0]
        other = farseer("bootstrap", "runs.csv", *self.OPTIONS, "--at", "N=4e9")
        refused(other, "name the same inputs")
        refused(
            farseer("bootstrap", "runs.csv", *self.OPTIONS[:5], "--at", "1e9,1e9"), "has no input D"
        )

    @pytest.mark.usefixtures("table")
    def test_influence(self, table: dict[str, Any]) -> None:
        options = ("--noise", 1e-3, "--json", "-")
        result = farseer("influence", "runs.csv", *self.OPTIONS, *options)
        assert result.exit_code == 0, result.stderr
        both = fj.read_table(table, as_is=True)
        fit = fj.fit("E + A/(N*P)**a", both, columns_of={"P": "streams_of"})
        expected = fj.influence(fit, at={"N": 4e9, "P": 8}, noise=1e-3)
        assert json.loads(result.stdout) == json.loads(expected.to_json())


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
        refused(farseer("fit", path, "--law", law, *options), "where a loss is positive")
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
