"""Field types that recipes share: token amounts, fractions, and the strict model they live in."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gapless.units import parse_tokens


class Part(BaseModel):
    """A part of a recipe: immutable, and an unknown key is an error."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True
    )


def _fraction(value: Any) -> Any:
    if isinstance(value, str) and value.strip().endswith("%"):
        return float(value.strip().removesuffix("%")) / 100
    return value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
"""The name of a run, a source, an arm or a probe: it becomes part of file names."""

Tokens = Annotated[
    int,
    BeforeValidator(parse_tokens),
    WithJsonSchema({"type": ["integer", "string"], "examples": [4096, "500k", "2.5B"]}),
]
"""A whole number of tokens, written like 4096, 500k or 2.5B."""

Fraction = Annotated[
    float,
    BeforeValidator(_fraction),
    Field(ge=0, le=1),
    WithJsonSchema({"type": ["number", "string"], "examples": [0.1, "10%"]}),
]
"""A number from 0 to 1, written like 0.1 or 10%."""


def _sums_to_one(shares: dict[str, float]) -> dict[str, float]:
    total = sum(shares.values())
    if abs(total - 1) > 1e-9:
        raise ValueError(f"the shares sum to {total:.9g}; make them sum to 1")
    return shares


Whole = Annotated[dict[str, Fraction], AfterValidator(_sums_to_one)]
"""Names to fractions that sum to 1."""
