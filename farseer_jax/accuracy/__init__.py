"""Accuracies on tasks: from a loss that a scaling law predicts, or in a single step."""
