"""The closest match of a mistyped name."""

from collections.abc import Collection, Iterable

_CUTOFF = 0.6  # similarity from which a name is suggested, as in difflib


def closest(text: str, names: Iterable[str], *, cutoff: float = _CUTOFF) -> str | None:
    """The name most similar to a text, ignoring case; None if no name is similar.

    Args:
        text: a name that does not exist.
        names: those that do.
        cutoff: minimum similarity, from 0 to 1, as in ``difflib``.

    Example:
        >>> closest("Chinchila", ["farseer", "chinchilla"])
        'chinchilla'
        >>> closest("kaplan", ["farseer", "chinchilla"])
    """
    import difflib

    folded = {name.lower(): name for name in names}
    close = difflib.get_close_matches(text.lower(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def did_you_mean(text: str, names: Iterable[str]) -> str:
    """A suggestion for the end of a message; empty if no name is similar.

    Example:
        >>> did_you_mean("token", ["tokens", "arm"])
        "; did you mean 'tokens'?"
    """
    close = closest(text, names)
    return f"; did you mean {close!r}?" if close else ""


def unknown_name(what: str, text: str, names: Collection[str]) -> str:
    """The message about a name that is not in a list.

    Args:
        what: what the names are, such as ``"law"``.
        text: the name that does not exist.
        names: those that do.

    Example:
        >>> print(unknown_name("link", "logti", ("log", "identity", "logit")))
        unknown link 'logti'; did you mean 'logit'? Choose from log, identity, logit
    """
    question = did_you_mean(text, names)
    choose = f"{question} Choose" if question else "; choose"
    return f"unknown {what} {text!r}{choose} from {', '.join(names)}"
