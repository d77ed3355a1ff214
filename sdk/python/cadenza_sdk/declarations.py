"""How a plugin declares its parameters, fields, rules and codes: dataclasses and enums, read once when it is imported."""

import dataclasses
import inspect
import keyword
import re
import types
import typing
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

KINDS: dict[Any, str] = {
    bool: "boolean",
    int: "int",
    float: "number",
    str: "text",
    datetime: "time",
    timedelta: "duration",
    list[str]: "texts",
}
"""The types of parameters and fields, and what the contract calls them."""

_TYPES = "bool, int, float, str, datetime, timedelta or list[str]"
# What the host takes for a name.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CODE = re.compile(r"[a-z]([a-z0-9_]{0,63}|[a-z0-9-]{0,63})")
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_UNSET = object()


class DeclarationError(TypeError):
    """A declaration that the contract does not allow; begins with the file and line where it stands."""


@dataclass(frozen=True)
class Nothing:
    """No parameters, or no fields."""


@dataclass(frozen=True)
class Slot:
    """A parameter or field as the contract knows it."""

    attribute: str
    """Its name in the author's dataclass."""
    kind: str
    default: Any = None
    summary: str = ""
    minimum: float | None = None
    maximum: float | None = None

    @property
    def name(self) -> str:
        """Its name in the workspace. Python cannot spell a field `class`, so it is written `class_`."""
        bare = self.attribute.removesuffix("_")
        return bare if keyword.iskeyword(bare) else self.attribute


def parameter(*, summary: str, default: Any = _UNSET, minimum: float | None = None, maximum: float | None = None) -> Any:
    """Something a workflow may set under `with`. Without a default it has to be set.

    `summary` is shown in the editor, so name the unit. `minimum` and `maximum` are for `int` and `float` only.
    """
    metadata = {"summary": summary, "minimum": minimum, "maximum": maximum}
    # By keyword only, so that those without a default may stand anywhere.
    if default is _UNSET:
        return dataclasses.field(kw_only=True, metadata=metadata)
    if isinstance(default, list):
        return dataclasses.field(kw_only=True, default_factory=lambda: list(default), metadata=metadata)
    return dataclasses.field(kw_only=True, default=default, metadata=metadata)


class Rules(IntEnum):
    """The rules that reasons name: `SENIORITY = 1, "Decides on such purchases: {value}"`.

    First the number, which, once used, is never given to another rule, because journals refer to it. Then what the rule
    says in words, in which `{value}` and `{points}` stand for those of the reason. Its name is the member's in lower case.
    """

    text: str

    def __new__(cls, number: int, text: str = "") -> "Rules":
        member = int.__new__(cls, number)
        member._value_ = number
        member.text = text
        return member


class Codes(StrEnum):
    """The channels, outcomes, results and kinds of engagement that a plugin tells apart, or its tracks.

    `NOT_NOW = auto()` is the code `not_now`; another spelling is written out.
    """


def parameter_slots(declared: type) -> tuple[Slot, ...]:
    """The parameters of a dataclass, in order."""
    return tuple(_parameter(declared, field, hint) for field, hint in _members(declared, "parameters"))


def field_slots(declared: type) -> tuple[Slot, ...]:
    """The lead fields of a dataclass, in order."""
    return tuple(_field(declared, field, hint) for field, hint in _members(declared, "fields"))


def check_rules(rules: type[Rules]) -> None:
    """Fails when a rule has no number or text of its own."""
    if not (isinstance(rules, type) and issubclass(rules, Rules)):
        raise DeclarationError(f"`rules` are a class that extends Rules, not {rules!r}")
    for name, rule in rules.__members__.items():
        if rule.name != name:
            raise DeclarationError(f"{_place(rules, name)}: the rules {rule.name} and {name} have the same number {int(rule)}")
        if not 0 <= rule <= 65_535 or not rule.text:
            raise DeclarationError(f'{_place(rules, name)}: write the rule as {name} = 1, "what it says in words"')
        if not _NAME.fullmatch(name.lower()):
            raise DeclarationError(f"{_place(rules, name)}: the rule `{name}` is not at most 64 letters, digits and `_`")


def check_codes(codes: type[Codes], what: str) -> None:
    """Fails when these are no codes, or not spelt as the contract has them."""
    if not (isinstance(codes, type) and issubclass(codes, Codes)):
        raise DeclarationError(f"`{what}` are a class that extends Codes, not {codes!r}")
    for name, code in codes.__members__.items():
        if not _CODE.fullmatch(code):
            raise DeclarationError(
                f"{_place(codes, name)}: the code {code.value!r} is not lower case, digits and `_` or `-`, a letter first, "
                "at most 64 of them"
            )


def _members(declared: type, what: str) -> list[tuple[dataclasses.Field[Any], Any]]:
    if not (isinstance(declared, type) and dataclasses.is_dataclass(declared)):
        raise DeclarationError(f"{_place(declared)}: `{what}` are a class with @dataclass above it")
    fields = dataclasses.fields(declared)
    _refuse_untyped(declared, {field.name for field in fields})
    try:
        hints = typing.get_type_hints(declared)
    except Exception as error:
        raise DeclarationError(f"{_place(declared)}: a type of {declared.__name__} is not known: {error}") from error
    for field in fields:
        if not _NAME.fullmatch(field.name):
            raise DeclarationError(
                f"{_place(declared, field.name)}: `{field.name}` is not lower case, digits and `_`, a letter first, at most "
                "64 of them"
            )
    return [(field, hints[field.name]) for field in fields]


def _refuse_untyped(declared: type, typed: set[str]) -> None:
    """A name without a type is no field to a dataclass; nobody means that."""
    for name, value in vars(declared).items():
        is_data = not (name.startswith("_") or callable(value) or isinstance(value, classmethod | staticmethod | property))
        if is_data and name not in typed and not isinstance(value, types.MemberDescriptorType):
            raise DeclarationError(f"{_place(declared, name)}: `{name}` has no type; write `{name}: str | None = None` or such")


def _parameter(declared: type, field: dataclasses.Field[Any], hint: Any) -> Slot:
    place, name = _place(declared, field.name), field.name
    kind = KINDS.get(hint)
    if kind is None:
        raise DeclarationError(f"{place}: the parameter `{name}` is of type {_spelt(hint)}; it can be {_TYPES}")
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    elif default is dataclasses.MISSING:
        default = None
    elif kind == "number" and type(default) is int:
        default = float(default)
    if kind == "int" and type(default) is int and not _INT_MIN <= default <= _INT_MAX:
        raise DeclarationError(f"{place}: the default of `{name}` is {default!r}, which 64 bits do not hold")
    if default is not None and not _is_of(default, hint):
        raise DeclarationError(f"{place}: the default of `{name}` is {default!r}, which is no {_spelt(hint)}")
    told = field.metadata
    if not (told.get("summary") or "").strip():
        raise DeclarationError(
            f"{place}: `{name}` has no summary, which the editor shows: write "
            f'`{name}: {_spelt(hint)} = parameter(summary="what it does, with its unit")`'
        )
    minimum, maximum = told.get("minimum"), told.get("maximum")
    if kind not in ("int", "number") and not minimum is maximum is None:
        raise DeclarationError(f"{place}: `{name}` is of type {_spelt(hint)}, which has no minimum or maximum")
    return Slot(name, kind, default, told["summary"], minimum, maximum)


def _is_of(default: Any, hint: Any) -> bool:
    if hint is datetime:
        return isinstance(default, datetime) and default.tzinfo is not None
    if hint == list[str]:
        return isinstance(default, list) and all(isinstance(text, str) for text in default)
    return isinstance(default, timedelta) if hint is timedelta else type(default) is hint


def _field(declared: type, field: dataclasses.Field[Any], hint: Any) -> Slot:
    arguments = typing.get_args(hint)
    is_optional = typing.get_origin(hint) in (types.UnionType, typing.Union) and type(None) in arguments
    held = next((argument for argument in arguments if argument is not type(None)), None)
    if not is_optional or len(arguments) != 2 or held not in KINDS:
        raise DeclarationError(
            f"{_place(declared, field.name)}: the field `{field.name}` is of type {_spelt(hint)}; it may be blank, "
            f"so write one of {_TYPES} with `| None`"
        )
    return Slot(field.name, KINDS[held])


def _spelt(hint: Any) -> str:
    return hint.__name__ if type(hint) is type else str(hint)


def _place(declared: Any, name: str | None = None) -> str:
    """The file and line of a class, or of a name in it, as an editor understands it."""
    try:
        source, first = inspect.getsourcelines(declared)
        file = Path(inspect.getsourcefile(declared) or "").name
    except (OSError, TypeError):
        return getattr(declared, "__name__", repr(declared))
    at = 0
    if name is not None:
        at = next((n for n, line in enumerate(source) if re.match(rf"\s*{re.escape(name)}\s*[:=]", line)), 0)
    return f"{file}:{first + at}"
