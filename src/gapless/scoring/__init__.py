"""Scoring: one column of numbers or labels per score, computed over documents once each."""
