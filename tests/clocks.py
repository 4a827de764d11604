"""A machine whose time tests turn."""


class Machine:
    """A clock, and work that takes `slowdown` times as long within one stretch of it."""

    def __init__(self, slow_from=0.0, slow_to=0.0, slowdown=3.0, tick=1e-6):
        self.now, self.slow, self.slowdown, self.tick = 0.0, (slow_from, slow_to), slowdown, tick
        self.calls = []

    def seconds_of(self, function, n_calls=1):
        start = self.now
        for _ in range(n_calls):
            function()
        return self.now - start

    def spend(self, seconds):
        is_slow = self.slow[0] <= self.now < self.slow[1]
        self.now += seconds * (self.slowdown if is_slow else 1.0)

    def work(self, seconds, name=None):
        """Return a function that spends the seconds, and says that it was called."""

        def run():
            self.calls.append(name)
            self.spend(seconds)

        return run
