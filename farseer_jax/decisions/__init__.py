"""What to do next: split a budget, compare recipes, choose the next runs."""
