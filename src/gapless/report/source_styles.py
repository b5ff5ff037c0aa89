"""The colour class of each source: warm for domain, blue for general text, grey for references."""

from gapless.report.content import Content

_LETTERS = {"domain": "d", "reference": "r"}
_SHADES = 4


def source_styles(content: Content) -> dict[str, str]:
    """Return source to ``d0``, ``d1``, ... or ``g0``, ... or ``r0``, ..., domain sources first."""
    roles = {source.name: source.role for source in content.sources}
    for score in content.scores:
        roles = {source.name: source.role for source in score.sources} | roles
    for label in content.labels:
        roles = {source.name: source.role for source in label.sources} | roles
    for arm in content.arms:
        roles |= {c.name: c.role for c in arm.curves if c.name != c.role and c.name not in roles}
    names = [*roles, *(point.source for arm in content.arms for point in arm.mixture)]
    styles: dict[str, str] = {}
    counts: dict[str, int] = {}
    for name in sorted(dict.fromkeys(names), key=lambda name: roles.get(name) != "domain"):
        letter = _LETTERS.get(roles.get(name, ""), "g")
        styles[name] = f"{letter}{counts.get(letter, 0) % _SHADES}"
        counts[letter] = counts.get(letter, 0) + 1
    return styles
