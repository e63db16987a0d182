"""Fits that cannot rise over a domain: any method's law, projected onto the laws that fall."""
