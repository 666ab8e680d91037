"""How long work takes: a progress bar with a rate and time left, on stderr, and the time of each stage."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

if TYPE_CHECKING:
    Bar = tqdm[NoReturn]
else:  # tqdm takes no parameter as the program runs
    Bar = tqdm


def bar(total: int, unit: str, *, shown: bool, what: str, done: int = 0) -> Bar:
    """A bar of ``total`` units, to be used as a context manager; one line every ten seconds where stderr is a file.

    ``done`` units were done before, and do not count for the rate. Large counts get a suffix: 82.8M. Nothing is
    printed where ``shown`` is False.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        initial=done,
        unit=unit,
        desc=what,
        file=sys.stderr,
        disable=not shown,
        unit_scale=total >= 1_000_000,
        mininterval=0.1 if terminal else 10,
        dynamic_ncols=terminal,
        smoothing=0.1,
    )


class Stages(dict[str, float]):
    """Seconds by stage, in the order in which the stages began.

    >>> stages = Stages()
    >>> with stages.time("waiting"):
    ...     pass
    >>> list(stages)
    ['waiting']
    """

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        """Add what the block takes to a stage."""
        began = time.perf_counter()
        self.setdefault(stage, 0.0)
        try:
            yield
        finally:
            self[stage] += time.perf_counter() - began
