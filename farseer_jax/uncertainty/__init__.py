"""How sure a fit is: bootstrap, intervals, calibration, error bars, influence."""
