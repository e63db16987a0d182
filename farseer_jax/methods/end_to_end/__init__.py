"""What all methods that fit every parameter at once share: settings, layout, free parameters."""
