"""Figures of loss curves, of annealed losses and of schedules: what they show."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt

import farseer_jax as fj
from farseer_jax.plots import plot_annealed, plot_loss_curves, plot_schedule
from farseer_jax.plots.schedule_axes import draw_schedule


@pytest.fixture(autouse=True)
def _no_figure_is_left() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fit() -> fj.CurveFit:
    """The last of three runs is still going."""
    *complete, last = fj.example_curves()
    return fj.fit_curves(fj.Curves([*complete, last.truncated(14_400)]), "multi-power")


@pytest.fixture(scope="module")
def annealed(fit: fj.CurveFit) -> fj.AnnealedLosses:
    return fj.anneal_curves(fit, points=4)


@pytest.fixture(scope="module")
def optimal(fit: fj.CurveFit) -> fj.OptimalSchedule:
    return fj.optimise_schedule(fit, 24_000, family=["wsd", "cosine"])


def labels(axes: Any) -> list[str]:
    return [own.get_text() for own in axes.get_legend().get_texts()]


def of_colour(axes: Any, like: Any) -> list[Any]:
    return [own for own in axes.lines if own.get_color() == like.get_color()]


class TestLossCurves:
    def test_the_forecast_leads_to_the_final_loss(self, fit: fj.CurveFit) -> None:
        losses, rates = plot_loss_curves(fit)
        own = fit.curves["cosine"]
        expected = float(fit.predict(own.schedule, curve="cosine"))
        (ring,) = (line for line in losses.lines if line.get_marker() == "o")
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (24_000, expected)
        (band,) = (own for own in losses.collections if len(own.get_paths()))
        corners = band.get_paths()[0].vertices
        low, high = fit.interval(own.schedule, curve="cosine")
        assert corners[:, 0].min() == own.steps[-1]
        assert {low, high} <= set(corners[corners[:, 0] == 24_000, 1].tolist())
        texts = " ".join(text.get_text() for text in losses.texts)
        assert f"{expected:.3f}" in texts
        assert labels(rates)[-2:] == ["forecast", "90 % interval"]

    def test_complete_curves_have_no_forecast(self, fit: fj.CurveFit) -> None:
        losses, rates = plot_loss_curves(fit, curves=["constant", "two-stage"])
        assert labels(rates) == ["constant", "two-stage", "logged"]
        assert losses.get_title("left") == "2 loss curves, multi-power law"
        with pytest.raises(ValueError, match="did you mean 'cosine'"):
            plot_loss_curves(fit, curves="cosin")

    def test_the_law_is_drawn_at_every_jump(self, fit: fj.CurveFit) -> None:
        losses, _ = plot_loss_curves(fit, curves="two-stage")
        logged, law = losses.lines
        own = fit.curves["two-stage"]
        np.testing.assert_array_equal(logged.get_ydata(), own.losses)
        steps = law.get_xdata()
        assert {7_999, 8_000} <= set(steps.tolist())
        np.testing.assert_allclose(
            law.get_ydata(), fit.predict(own.schedule, steps, curve="two-stage")
        )

    def test_sizes_have_colours_and_schedules_dashes(self) -> None:
        curves = []
        for own in fj.example_curves().select(["constant", "two-stage"]):
            for N, factor in ((25e6, 1.1), (4e8, 0.9)):
                name, losses = f"{own.name} {N:g}", factor * own.losses
                curves.append(dataclasses.replace(own, name=name, losses=losses, inputs={"N": N}))
        curves[3] = curves[3].truncated(12_000)
        shorter = curves[3].schedule.truncated(12_000)
        curves[3] = dataclasses.replace(curves[3], schedule=shorter)
        fit = fj.fit_curves(fj.Curves(curves), "annealing")
        losses, rates = plot_loss_curves(fit)
        assert labels(rates) == ["N = 25 M", "N = 400 M", "constant", "multi-step", "logged"]
        laws = losses.lines[1::2]
        assert len({str(own.get_color()) for own in laws}) == 2
        assert len({own.get_linestyle() for own in laws}) == 2
        drawn = [own for own in rates.lines if len(own.get_xdata())]
        assert len(drawn) == 2  # a shorter schedule continues in the longer one

    def test_of_many_curves_some_are_named(self, fit: fj.CurveFit) -> None:
        own = fit.curves["constant"]
        many = [dataclasses.replace(own, name=f"run {i}") for i in range(12)]
        several = fj.fit_curves(fj.Curves(many), "annealing", points=12)
        losses, rates = plot_loss_curves(several)
        assert len(losses.lines) == 24
        assert len(labels(rates)) == 10

    def test_on_axes_of_ones_own(self, fit: fj.CurveFit) -> None:
        figure, own = plt.subplots(2, 1, layout="constrained")
        assert plot_loss_curves(fit, own)[0] is own[0]
        assert figure.axes == [*own]


class TestAnnealed:
    def test_only_runs_with_a_steady_rate_are_drawn(self, annealed: fj.AnnealedLosses) -> None:
        losses, rates = plot_annealed(annealed)
        assert labels(rates) == ["constant", "logged", "annealed", "90 % interval"]
        (dots,) = (own for own in losses.collections if len(own.get_offsets()) == 4)
        at = np.array(annealed.curve) == "constant"
        np.testing.assert_array_equal(
            dots.get_offsets(), np.stack([annealed.final_step, annealed.loss], axis=1)[at]
        )

    def test_named_runs_are_drawn(self, annealed: fj.AnnealedLosses) -> None:
        losses, rates = plot_annealed(annealed, curves=["two-stage", "cosine"])
        assert labels(rates)[:2] == ["two-stage", "cosine"]
        assert losses.get_title("left") == "Loss if annealed over 0.2 of the steps (linear to 0)"
        with pytest.raises(ValueError, match="unknown curve"):
            plot_annealed(annealed, curves="c")

    def test_anneals_begin_at_the_curve_and_end_in_the_dots(
        self, annealed: fj.AnnealedLosses
    ) -> None:
        losses, _ = plot_annealed(annealed)
        anneals = losses.lines[1:5]
        at = np.array(annealed.curve) == "constant"
        ends = [(own.get_xdata()[0], own.get_xdata()[-1]) for own in anneals]
        expected = zip(annealed.step[at], annealed.final_step[at], strict=True)
        assert ends == [*expected]
        np.testing.assert_allclose([own.get_ydata()[-1] for own in anneals], annealed.loss[at])


class TestSchedule:
    def test_the_best_of_each_family_and_the_references(self, optimal: fj.OptimalSchedule) -> None:
        rates, losses = plot_schedule(optimal)
        named = [text.partition(":")[0] for text in labels(losses)]
        assert named[0] == optimal.best.family
        assert sorted(named[1:]) == ["90 % interval", "constant", "cosine", "cosine to 10 %"]
        assert rates.get_title("left").startswith("Best schedule of 24,000 steps: loss 2.")
        widths = [line.get_linewidth() for line in rates.lines]
        assert widths.index(max(widths)) == 0
        (ring,) = (line for line in losses.lines if line.get_marker() == "o")
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == (24_000, optimal.best.loss)

    def test_named_schedules(self, optimal: fj.OptimalSchedule) -> None:
        rates, losses = plot_schedule(optimal, families=["constant", "wsd linear"])
        assert [text.partition(":")[0] for text in labels(losses)][:2] == ["wsd linear", "constant"]
        with pytest.raises(KeyError, match="the schedules are"):
            plot_schedule(optimal, families="wsd")
        assert rates.get_ylim()[0] == 0.0


def test_a_schedule_is_drawn_with_its_jumps() -> None:
    schedule = fj.Schedule.multi_step(100_000, 1.0, at=[33_333, 50_000], to=[0.5, 0.1])
    axes = plt.subplots()[1]
    draw_schedule(axes, schedule, first=20_000, last=90_000)
    (line,) = axes.lines
    steps = line.get_xdata()
    assert (steps[0], steps[-1]) == (20_000, 90_000)
    assert {33_332, 33_333, 49_999, 50_000} <= set(steps.tolist())
    np.testing.assert_array_equal(line.get_ydata(), schedule.at(steps))
