"""Endpoints: where chat models are asked, and how much of that is wanted."""

from typing import Annotated, Literal

from pydantic import Field

from gapless.recipe.fields import Part

NOT_ANSWERS = frozenset(
    {"url", "key", "concurrency", "requests_per_minute", "tokens_per_minute"}
    | {"timeout", "tries", "structured", "price"}
)
"""Settings of an endpoint that change who answers, when and for how much, but not what is asked."""


class Price(Part):
    """What a million tokens cost."""

    prompt: Annotated[float, Field(ge=0)]
    """Of what the model reads."""
    completion: Annotated[float, Field(ge=0)]
    """Of what it writes."""
    currency: str = "USD"


class Endpoint(Part):
    """A server that speaks OpenAI's chat completions: vLLM, SGLang, llama.cpp, a vendor."""

    url: str = "http://localhost:8000/v1"
    """Its address up to ``/v1``."""
    model: str
    """The model's name there. What is asked and paid once is known by it, not by the address."""
    key: str | None = None
    """Name of the environment variable that holds the secret key; the key itself never stands here.
    """
    concurrency: Annotated[int, Field(ge=1)] = 8
    """Requests under way at once."""
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None
    """Prompt and completion together."""
    timeout: Annotated[float, Field(gt=0)] = 300
    """Seconds without a byte after which a request is tried again."""
    tries: Annotated[int, Field(ge=1)] = 6
    """How often a request is tried before the job stops; what it has got so far is kept."""
    structured: Literal["auto", "json_schema", "text"] = "auto"
    """Whether the server is held to a JSON schema. ``auto`` asks it once whether it can be."""
    price: Price | None = None
