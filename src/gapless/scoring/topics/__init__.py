"""Topics: a language model labels a sample, and a small classifier learns to label the rest.

    documents --draw_sample--> a few of every source
    a few     --annotate-----> their topics (answers kept on disk, never asked twice)
    labels    --train_classifier--> a folder --TopicScorer--> topic and confidence of any text

Paper 2 (Llama-3-SynE) labels web pages this way and steers its mixture by topic.
"""

from gapless.scoring.topics.annotation import Annotation, SampleDocument, annotate, draw_sample
from gapless.scoring.topics.classifier import TopicScorer, train_classifier
from gapless.scoring.topics.labels import read_labels

__all__ = [
    "Annotation",
    "SampleDocument",
    "TopicScorer",
    "annotate",
    "draw_sample",
    "read_labels",
    "train_classifier",
]
