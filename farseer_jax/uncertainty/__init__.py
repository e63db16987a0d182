"""The uncertainty of a fit: bootstrap, intervals, calibration, error bars, influence."""
