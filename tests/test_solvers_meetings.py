"""Starts that met continue as one."""

import numpy as np

from farseer_jax.solvers.meetings import meetings

STIFF = np.diag([1.0, 1e4])


def test_only_starts_at_one_optimum_merge():
    """Near each other in the objective, and along the parabola between them."""
    free = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1], [5.0, 0.0], [0.1, 1e-4], [0.0, 0.0]])
    value = np.array([1.0, 1.0005, 1.0005, 1.0002, 1.0001, 1.01])
    kept, place = meetings(value, free, lambda start: STIFF)
    assert kept.tolist() == [0, 3, 2, 5]
    # a step of 0.1 rises by 0.005 along the flat direction, by 50 along the steep one
    assert place.tolist() == [0, 0, 2, 1, 0, 3]


def test_the_best_continues_and_those_that_may_not_meet():
    value = np.array([1.0003, 1.0, np.nan, 1.0001, np.inf])
    free = np.zeros((5, 2))
    kept, place = meetings(value, free, lambda start: STIFF, np.array([1, 1, 1, 0, 1], bool))
    assert kept.tolist() == [1, 3, 2, 4]
    assert place.tolist() == [0, 0, 2, 1, 3]


def test_curvature_is_computed_only_where_others_are_near():
    asked = []

    def curvature(start):
        asked.append(start)
        return STIFF

    value = np.array([1.0, 2.0, 2.0001, 3.0])
    free = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    kept, place = meetings(value, free, curvature)
    assert asked == [1]
    assert kept.tolist() == [0, 1, 3]
    assert place.tolist() == [0, 1, 1, 2]
