"""Solvers that know no law: functions interpreted by NumPy, Levenberg-Marquardt, starts."""
