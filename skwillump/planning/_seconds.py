"""What a first stage costs."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StageSeconds:
    """Seconds a row of a first stage, in batches or in single rows."""

    start: float  # the stage itself: blocks, model and what is done with its answer
    rest: float  # on top for a row that it leaves open, which goes to the full model

    def expected(self, open_share):
        """Seconds a row if this share of the rows is left open; share by share."""
        return self.start + open_share * self.rest
