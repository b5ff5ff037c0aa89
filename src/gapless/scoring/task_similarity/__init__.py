"""Task similarity: how near a document is to examples of the target task (Xie et al. 2023).

examples, document --word counts or a sentence encoder--> vectors of length 1
the document's cosines to its nearest examples --mean--> its score
"""

from gapless.scoring.task_similarity.examples import read_examples
from gapless.scoring.task_similarity.scorer import TaskSimilarityScorer

__all__ = ["TaskSimilarityScorer", "read_examples"]
