"""Findings of an advisor, and arms in pairs, for a report's content."""

from gapless.report import FindingContent, PairRow


def findings(about: str = "baseline") -> tuple[FindingContent, ...]:
    return (
        FindingContent(
            about=about,
            rule="forgetting lasts",
            text="General text ended 0.409 bits per byte worse than the base (0.393 to 0.425).",
            suggestion="Keep general text in the mixture.",
            source="Guo et al. 2024, strategy III",
        ),
        FindingContent(
            about="Between the arms",
            rule="reached earlier",
            text="The arm subset + replay had what baseline ended with after 1.2M tokens.",
            suggestion="",
            source="Guo et al. 2024, table 1",
        ),
    )


def pair(arm: str = "subset + replay", against: str = "baseline") -> PairRow:
    return PairRow(
        arm=arm,
        against=against,
        name="general",
        metric="bits_per_byte",
        tokens=2_457_600,
        difference=0.361,
        low=0.339,
        high=0.383,
        tokens_to_equal=409_600,
        tokens_low=380_000,
        tokens_high=None,
        of_tokens=2_457_600,
    )
