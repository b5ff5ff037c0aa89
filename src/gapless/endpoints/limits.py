"""How fast may be asked: token buckets, and a guess of how many tokens a request will be.

Both are plain arithmetic on times that the caller tells.
"""

from __future__ import annotations


class Bucket:
    """A bucket that fills at ``per_minute`` and holds a second's worth, or one request.

    Who takes gets a ticket and waits for its turn, which comes when the bucket holds the amount;
    what is more than it can hold waits for a full one, and leaves it owing. So of what is used in
    any stretch of s seconds, all but the last is no more than ``per_minute * s / 60 + burst``.
    """

    def __init__(self, per_minute: float) -> None:
        """Begin with a full bucket."""
        assert per_minute > 0
        self.rate = per_minute / 60
        self.burst = max(1.0, self.rate)
        self._level = self.burst
        self._at = 0.0
        self._given = 0.0

    def take(self, amount: float, now: float) -> float:
        """Take an amount; return the ticket with which `wait` tells when it may be used."""
        self._fill(now)
        missing = max(0.0, min(amount, self.burst) - self._level)
        self._level -= amount
        return missing + self.rate * now + self._given

    def wait(self, ticket: float, now: float) -> float:
        """Return the seconds until a ticket's turn; what others give back makes them fewer."""
        return max(0.0, (ticket - self.rate * now - self._given) / self.rate)

    def give(self, amount: float, now: float) -> None:
        """Give back what was taken too much; less than 0 takes what was taken too little."""
        self._fill(now)
        self._level = min(self.burst, self._level + amount)
        self._given += amount

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._level = min(self.burst, self._level + (now - self._at) * self.rate)
            self._at = now


class TokenGuess:
    """How many tokens a request will take, by those that have been counted so far.

    Before the first, a token is 4 bytes of text, and an answer as long as it may be.
    """

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self._bytes = self._prompt = self._completion = self._answers = 0

    def tokens(self, num_bytes: int, max_tokens: int) -> float:
        """Return prompt and completion tokens of a request with so many bytes of messages."""
        if not self._bytes:
            return num_bytes / 4 + max_tokens
        mean = self._completion / self._answers
        return num_bytes * self._prompt / self._bytes + min(mean, max_tokens)

    def learn(self, num_bytes: int, prompt: int, completion: int) -> None:
        """Take in what a server has counted."""
        self._bytes += num_bytes
        self._prompt += prompt
        self._completion += completion
        self._answers += 1
