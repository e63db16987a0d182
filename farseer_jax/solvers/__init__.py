"""Solvers independent of laws: functions interpreted by NumPy, Levenberg-Marquardt, searches."""
