"""``farseer curves``, ``anneal`` and ``schedule``: what they read, print, write and refuse."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from commands import farseer, refused
from matplotlib import pyplot as plt

import farseer_jax as fj
from farseer_jax.cli.anneal import ROWS, SHAPES
from farseer_jax.cli.curve_source import LAWS
from farseer_jax.cli.schedule import FAMILIES
from farseer_jax.curve_fitting import schedule_families
from farseer_jax.curve_fitting.annealed_result import RowsOfRun
from farseer_jax.curve_laws.registry import SIZED
from farseer_jax.curves.decay_shapes import DECAY_SHAPES

pytestmark = pytest.mark.usefixtures("folder")
DROP = "multi_step steps=16000 peak=3e-4 at=8000 to=9e-5 warmup=2000"


@pytest.fixture(scope="module")
def going() -> fj.Curves:
    """The last of three runs has losses of its first 60 %."""
    *complete, last = fj.example_curves()
    return fj.Curves([*complete, last.truncated(14_400)])


@pytest.fixture(scope="module")
def fit(going: fj.Curves) -> fj.CurveFit:
    return fj.fit_curves(going, "multi-power")


@pytest.fixture
def files(fit: fj.CurveFit, going: fj.Curves, folder: Path) -> Path:
    """The curves as one table with their learning rates, and their fit."""
    fit.to_json(folder / "fit.json")
    frames = [
        pd.DataFrame(
            {"run": own.name, "step": own.steps, "loss": own.losses, "lr": own.rates, "N": 1e8}
        )
        for own in going
    ]
    pd.concat(frames).to_csv(folder / "curves.csv", index=False)
    return folder


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, fit: fj.CurveFit) -> Iterator[dict[str, Any]]:
    """What the command hands to ``fit_curves``, which answers at once."""
    found: dict[str, Any] = {}

    def record(curves: fj.Curves, law: Any, **options: Any) -> fj.CurveFit:
        found.update(curves=curves, law=law, **options)
        return fit

    monkeypatch.setattr(fj, "fit_curves", record)
    yield found
    plt.close("all")


def content(*args: object) -> dict[str, Any]:
    result = farseer("curves", *args, "--json", "-")
    assert result.exit_code == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


class TestReading:
    def test_a_table_as_the_library_reads_it(self, files: Path, called: dict[str, Any]) -> None:
        options = ("--run", "run", "--N", "N", "--warmup", "2000", "--points", "40")
        result = farseer("curves", "curves.csv", *options, "--law", "annealing")
        assert result.exit_code == 0, result.stderr
        expected = fj.read_curves("curves.csv", run="run", inputs={"N": "N"}, warmup=2000)
        assert called["curves"].fingerprint == expected.fingerprint
        assert (called["law"], called["points"]) == ("annealing", 40)
        assert "the schedule is recognised from the learning rate" in result.stderr

    def test_schedules_of_all_runs_or_of_each(self, files: Path, called: dict[str, Any]) -> None:
        assert farseer("curves", "curves.csv", "--schedule", DROP, "--where", "run='two-stage'")
        assert called["curves"]["two-stage"].schedule == fj.Schedule.parse(DROP)
        cosine = "cosine steps=24000 peak=3e-4 final=3e-5 warmup=2000"
        each = [f"constant: {cosine}", f"two-stage:{DROP}", f"cosine: {cosine}"]
        result = farseer("curves", "curves.csv", *(w for own in each for w in ("--schedule", own)))
        assert result.exit_code == 0, result.stderr
        assert called["curves"]["cosine"].schedule == fj.Schedule.parse(cosine)
        assert called["curves"]["two-stage"].schedule == fj.Schedule.parse(DROP)

    def test_a_file_of_learning_rates(self, files: Path, called: dict[str, Any]) -> None:
        schedule = fj.Schedule.cosine(24_000, 3e-4, warmup=2000)
        frame = pd.DataFrame({"step": np.arange(1, 24_001), "lr": schedule.rates})
        frame.to_csv("lr.csv", index=False)
        result = farseer("curves", "curves.csv", "--schedule", "lr.csv", "--where", "run='cosine'")
        assert result.exit_code == 0, result.stderr
        np.testing.assert_array_equal(called["curves"][0].schedule.rates, schedule.rates)
        frame.rename(columns={"lr": "rate"}).to_csv("lr.csv", index=False)
        result = farseer("curves", "curves.csv", "--schedule", "lr.csv")
        refused(result, "lr.csv: a schedule needs the columns step and lr, got step, rate")

    def test_the_example_has_a_run_that_is_still_going(self, called: dict[str, Any]) -> None:
        assert farseer("curves", "--example").exit_code == 0
        assert [own.is_running for own in called["curves"]] == [False, False, True]


class TestAnswer:
    def test_is_that_of_the_library_and_is_written(self, files: Path, fit: fj.CurveFit) -> None:
        result = farseer("curves", "fit.json", "--json", "again.json")
        assert (result.exit_code, result.stdout) == (0, f"{fit}\n")
        assert result.stdout.startswith("final loss of cosine at step 24,000: ")
        assert str(fj.CurveFit.from_json("again.json")) == str(fit)

    def test_of_another_level(self, files: Path, fit: fj.CurveFit) -> None:
        rows = content("fit.json", "--level", "50%")["rows"]
        schedule = fit.curves["cosine"].schedule
        ends = fit.interval(schedule, curve="cosine", level=0.5)
        assert (rows[2]["lower"], rows[2]["upper"]) == pytest.approx(ends)

    def test_other_schedules(self, files: Path, fit: fj.CurveFit) -> None:
        wsd = "wsd steps=24000 peak=3e-4 decay=5000 warmup=2000"
        words = ("fit.json", "--predict", f"cosine: {wsd}", "--predict", wsd)
        found = fj.compare_schedules(fit, [fj.Schedule.parse(wsd)] * 2, curves=["cosine", None])
        assert content(*words)["predicted"] == found.to_dict()["rows"]
        answer, _, rest = farseer("curves", *words).stdout.partition("\n\nMulti-power law, ")
        assert answer == str(found)
        assert rest.startswith("fitted to 3 curves: ")
        assert len(rest.splitlines()) == 1 + len(fit.warnings)

    def test_a_schedule_has_the_warmup_of_the_curves(self, files: Path, fit: fj.CurveFit) -> None:
        decay = "; decay at=9000 over=1000"
        bare = ["--predict", f"wsd steps=24000 peak=3e-4{decay}", "--predict", "cosine: " + DROP]
        result = farseer("curves", "fit.json", *bare)
        assert result.stdout.splitlines()[2].startswith("wsd steps=24000 peak=0.0003 decay=4800 ")
        assert "warmup=2000; decay at=9000" in result.stdout
        note = "warmup=2000, as in the curves, where --predict names no warmup\n"
        assert result.stderr.endswith(note)
        given = farseer("curves", "fit.json", "--predict", "cosine steps=9000 peak=3e-4 warmup=0")
        assert "the warmup of the schedule has 0 steps" in given.stdout
        assert "warmup" not in given.stderr

    def test_is_drawn(self, files: Path, called: dict[str, Any]) -> None:
        result = farseer("curves", "fit.json", "--save", "curves.svg")
        assert result.exit_code == 0, result.stderr
        assert b"<!-- learning rate -->" in Path("curves.svg").read_bytes()
        words = ("loss-curves", "fit.json", "--show", "cosine", "--save", "one.svg")
        assert farseer("plot", *words).exit_code == 0
        assert b"<!-- 1 loss curve, 1 still running" in Path("one.svg").read_bytes()


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ("", "Missing argument 'TABLE'"),
            ("curves.csv --example", "--example does not go with TABLE"),
            ("--example --run run", "--run is for a table: leave it out with --example"),
            ("fit.json --warmup 10", "--warmup is for a table: leave it out with a saved fit"),
            ("fit.json --law annealing", "--law is for a table"),
            ("curves.csv --N N --input N=N", "name the same input"),
            ("curves.csv --run who", "no column 'who'"),
            ("curves.csv --law anealing", "Did you mean 'annealing'?"),
        ],
    )
    def test_are_sentences(self, words: str, sentence: str, files: Path) -> None:
        result = farseer("curves", *words.split())
        assert (result.exit_code, result.stdout) == (2, "")
        assert sentence in " ".join(result.stderr.split())

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (["--predict", "cosine:"], "expected a schedule (such as"),
            (["--predict", "cosin steps=9 peak=1"], "did you mean 'cosine'?"),
            (["--predict", "b: cosine steps=9 peak=1"], "unknown curve 'b'"),
            (["--predict", "cosine steps=9 peak=1", "--given", "N=1"], "--given N=… has no effect"),
            (["--given", "N=1B"], "--given goes with --predict"),
        ],
    )
    def test_of_predictions(self, options: list[str], sentence: str, files: Path) -> None:
        refused_result = farseer("curves", "fit.json", *options)
        assert (refused_result.exit_code, refused_result.stdout) == (2, "")
        assert sentence in " ".join(refused_result.stderr.split())

    def test_one_schedule_for_each_run(self, files: Path) -> None:
        words = ("curves.csv", "--schedule", DROP, "--schedule", f"a: {DROP}")
        refused(farseer("curves", *words), "expected one schedule for all runs, or one for each")


class TestAnneal:
    def test_losses_are_those_of_the_library(self, files: Path, fit: fj.CurveFit) -> None:
        options = ("--over", "10%", "--shape", "sqrt", "--final", "3e-5", "--num-anneals", "2")
        result = farseer("anneal", "fit.json", *options, "--same-steps", "--json", "a.json")
        assert result.exit_code == 0, result.stderr
        found = fj.anneal_curves(fit, over=0.1, shape="sqrt", final=3e-5, same_steps=True, points=2)
        assert result.stdout == f"{found}\n".replace("use final=", "use --final ")
        assert str(fj.AnnealedLosses.from_json("a.json")) == str(found)

    def test_a_table_of_runs_is_written(self, files: Path, fit: fj.CurveFit) -> None:
        options = ("--num-anneals", "4", "--tokens-per-step", "500k", "--csv", "runs.csv")
        result = farseer("anneal", "fit.json", *options, "--rows", "last")
        assert result.exit_code == 0, result.stderr
        assert (
            "Table written to runs.csv: the annealed losses are predictions of the law multi-power"
            in result.stderr
        )
        found = fj.anneal_curves(fit, points=4, tokens_per_step=5e5)
        expected = found.to_columns("last")
        written = pd.read_csv("runs.csv")
        assert list(written) == list(expected)
        np.testing.assert_allclose(written["loss"], expected["loss"], rtol=1e-12)
        runs = fj.read_runs("runs.csv", standard_error="loss_se")
        np.testing.assert_allclose(runs.D, expected["D"])

    def test_tokens_of_a_batch_are_an_input_of_the_curves(
        self, files: Path, fit: fj.CurveFit
    ) -> None:
        result = farseer("anneal", "fit.json", "--tokens-per-step", "N", "--num-anneals", "1")
        assert result.exit_code == 0, result.stderr
        assert "2.87e+03 T" in result.stdout or " T " in result.stdout


class TestSchedule:
    def test_schedules_are_those_of_the_library(self, files: Path, fit: fj.CurveFit) -> None:
        options = ("--steps", "4k", "--family", "cosine,linear", "--final", "3e-5", "--rise", "1k")
        result = farseer("schedule", "fit.json", *options, "--csv", "s.csv", "--json", "s.json")
        assert result.exit_code == 0, result.stderr
        families = ["cosine", "linear"]
        found = fj.optimise_schedule(fit, 4_000, family=families, final=3e-5, warmup=1_000)
        assert result.stdout == f"{found}\n".replace("use final=", "use --final ")
        assert f"Schedule written to s.csv: {found.recommended.family}\n" in result.stderr
        assert str(fj.OptimalSchedule.from_json("s.json")) == str(found)
        written = pd.read_csv("s.csv")
        assert written["step"].tolist() == [*range(1, 4_001)]
        np.testing.assert_array_equal(written["lr"], found.schedule.rates)

    def test_its_table_is_a_schedule_of_other_commands(self, files: Path) -> None:
        options = ("--steps", "2000", "--family", "cosine", "--csv", "s.csv")
        assert farseer("schedule", "fit.json", *options).exit_code == 0
        rows = content("fit.json", "--predict", "s.csv")["predicted"]
        assert [own["steps"] for own in rows] == [2000]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("anneal fit.json --shape sqr", "Did you mean 'sqrt'?"),
        ("anneal fit.json --over 0", "0.0 is not in the range"),
        ("anneal fit.json --final 1", "give a lower --final or an earlier --first-step"),
        ("anneal fit.json --over 1.5", "--over must be a fraction between 0 and 1 or a number"),
        ("anneal fit.json --tokens-per-step -1", "expected a positive number or an input"),
        ("anneal fit.json --tokens-per-step batch", "unknown input 'batch'"),
        ("anneal fit.json --csv missing/a.csv", "there is no folder 'missing'"),
        ("anneal fit.json --csv fit.json", "it is a file that this command reads"),
        ("anneal fit.json --csv a.csv --json a.csv", "--csv and --json name the same file"),
        ("schedule fit.json", "Missing option '--steps'"),
        ("schedule fit.json --steps 24k --family wds", "did you mean 'wsd'?"),
        ("schedule fit.json --steps 24k --peak 1e-2", "or give a lower --peak"),
        ("schedule fit.json --steps 24k --given N=1B", "--given N=… has no effect"),
    ],
)
def test_refusals_of_both(words: str, sentence: str, files: Path) -> None:
    result = farseer(*words.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in " ".join(result.stderr.split())


def test_inputs_of_a_new_run_are_asked_for(folder: Path) -> None:
    curves = [
        dataclasses.replace(own, name=f"{own.name} {N}", inputs={"N": N})
        for own in fj.example_curves().select(["constant", "two-stage"])
        for N in (1e8, 2e8)
    ]
    fj.fit_curves(fj.Curves(curves), "annealing", points=10).to_json("sizes.json")
    for words in (["curves", "--predict", DROP], ["schedule", "--steps", "4k"]):
        result = farseer(words[0], "sizes.json", *words[1:])
        refused(result, "Missing option '--given N=NUMBER': the curves differ in N")
    rows = content("sizes.json", "--predict", DROP, "--given", "N=150M")["predicted"]
    assert len(rows) == 1


def test_names_are_those_of_the_library() -> None:
    assert tuple(law.name for law in SIZED) == LAWS
    assert DECAY_SHAPES == SHAPES
    assert (*schedule_families.FAMILIES, "free") == FAMILIES
    assert get_args(RowsOfRun) == (ROWS[1], ROWS[0])
