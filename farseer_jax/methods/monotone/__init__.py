"""Fits that decrease over a domain: any method's law, projected onto the laws that do."""
