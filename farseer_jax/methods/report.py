"""What a fit found on its way: frozen fields, to and from JSON."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self, get_args, get_origin

import numpy as np

from farseer_jax.methods.remarks import Remarks


class Report(Remarks):
    """A frozen dataclass of numbers, arrays and text that JSON keeps.

    Attributes:
        missing: what null stands for, which numbers that are not finite become.
    """

    missing: ClassVar[float] = np.nan

    def to_dict(self) -> dict[str, Any]:
        """Lists and numbers for JSON; those that are not finite become None."""
        return {field.name: to_plain(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`."""
        own = {
            field.name: _restored(field.type, content[field.name], cls.missing)
            for field in fields(cls)  # type: ignore[arg-type]
        }
        return cls(**own)


def to_plain(value: Any) -> Any:
    """A field as JSON knows it."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value.to_dict() if hasattr(value, "to_dict") else value


def _restored(kind: Any, value: Any, missing: float) -> Any:
    if get_origin(kind) is tuple:
        return tuple(_restored(get_args(kind)[0], item, missing) for item in value)
    if kind is np.ndarray:
        items = np.array(value, dtype=object)
        whole = items.size > 0 and all(isinstance(item, int) for item in items.ravel())
        return np.where(items == None, missing, items).astype(int if whole else float)  # noqa: E711
    if kind is float:
        return missing if value is None else float(value)
    return kind(value) if kind in (int, bool) else value
