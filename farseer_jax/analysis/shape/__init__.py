"""The shape of a law over a domain: its derivatives, and where it rises."""
