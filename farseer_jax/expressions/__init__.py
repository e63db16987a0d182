"""Formulas as text: their grammar and their evaluation."""
