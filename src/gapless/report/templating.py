"""Templates: everything put into one is escaped, unless it is markup that a template made."""

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gapless.report import numbers
from gapless.units import format_seconds


@dataclass(frozen=True)
class Section:
    """One part of the page."""

    key: str
    """Its anchor: a short word."""
    title: str
    html: Markup


def fill(template: str, **values: Any) -> Markup:
    """Fill ``templates/<template>.html.j2``."""
    text = _environment().get_template(f"{template}.html.j2").render(**values)
    return Markup(text)  # noqa: S704  # autoescape made it


def embedded_json(data: Any) -> Markup:
    """Return JSON that no text in it can end a script element with; NaN becomes null."""
    text = json.dumps(_finite(data), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # no markup character is left in it


def _finite(data: Any) -> Any:
    if isinstance(data, float):
        return float(f"{data:.6g}") if math.isfinite(data) else None
    if isinstance(data, dict):
        return {str(key): _finite(part) for key, part in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(part) for part in data]
    return data


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gapless.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(
        tokens=numbers.tokens,
        flops=numbers.flops,
        count=numbers.count,
        short=numbers.short,
        percent=numbers.percent,
        duration=format_seconds,
        embedded_json=embedded_json,
    )
    return environment
