"""Cards: what a model and its data are, as Markdown for a model hub, made from the run.

    Content, CardFacts --model_card--> README.md      Content --data_card--> DATA.md

Text from data stands in code, or with every letter escaped that Markdown or HTML would read.
"""

from gapless.report.cards.data_card import data_card
from gapless.report.cards.facts import CardFacts, SeenSource
from gapless.report.cards.model_card import model_card

__all__ = ["CardFacts", "SeenSource", "data_card", "model_card"]
