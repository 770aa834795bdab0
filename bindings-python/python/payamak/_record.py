"""The base of the classes that results are given in."""

from __future__ import annotations

# As typing has it; importing that would take longer than the rest of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Any:
        """Tell nothing: only type checkers ask."""
        return lambda cls: cls


def mask(value: object) -> str:
    """Show enough of a number to find it again, and no more.

    >>> mask("09121112222")
    '0912…22'
    """
    text = str(value)
    if len(text) < 4:
        return text
    return f"{text[:4]}…{text[-2:]}" if len(text) > 8 else f"{text[:2]}…"


def length(text: object) -> str:
    """Show that there is a text, not the text.

    >>> length("کد ورود شما: 12345")
    '<18 characters>'
    """
    return f"<{len(str(text))} characters>"


def plain(value: object) -> Any:
    """Turn what a field holds into what JSON can hold.

    >>> plain((1, "a"))
    [1, 'a']
    """
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


@dataclass_transform(frozen_default=True)
class Record:
    """A frozen value with named fields: comparable, hashable, picklable, and made for ``match``.

    It does what a frozen dataclass does, and is imported in a tenth of the time.
    """

    __slots__ = ()
    _fields: ClassVar[tuple[str, ...]] = ()
    # How a field that may be personal is shown.
    _masked: ClassVar[dict[str, Any]] = {}
    # The fields that are shown only where they are true.
    _quiet: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._fields = (*cls._fields, *cls.__annotations__)
        # By this `match` reads positions; type checkers make it of the annotations.
        type.__setattr__(cls, "__match_args__", cls._fields)

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = self._fields
        if named:
            values = (*values, *(named.pop(field) for field in fields[len(values) :] if field in named))
        if named or len(values) != len(fields):
            raise TypeError(f"{type(self).__name__} takes {', '.join(fields)}")
        for field, value in zip(fields, values, strict=True):
            object.__setattr__(self, field, value)

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field) for field in self._fields)

    def __setattr__(self, field: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {field} cannot be set")

    def __delattr__(self, field: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {field} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        shown = []
        for field in self._fields:
            value = getattr(self, field)
            if field in self._quiet and not value:
                continue
            hide = self._masked.get(field)
            shown.append(f"{field}={repr(value) if hide is None or value is None else hide(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._values()

    def to_dict(self) -> dict[str, Any]:
        """Give the fields as a plain dictionary, ready for JSON; ids stay integers."""
        return {field.rstrip("_"): plain(getattr(self, field)) for field in self._fields}


def unfrozen(cls: type[Record]) -> type[Record]:
    """Give the class whose objects can still be filled, and then become frozen ones by their ``__class__``.

    The native module makes results so: for a list of them, running ``__init__`` each would be most of the work.

    >>> from payamak import Sent
    >>> sent = unfrozen(Sent)()
    >>> sent.message_id, sent.trace_id = 981, 7
    >>> sent.__class__ = Sent
    >>> sent
    Sent(message_id=981, trace_id=7)
    """
    # What Python's own objects do, in C.
    plain_object = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    made: type[Record] = type(cls.__name__, cls.__bases__, {"__slots__": cls.__slots__, **plain_object})
    return made
