"""A progress bar with a rate and time left, on stderr."""

import sys
from typing import NoReturn

from tqdm import tqdm


def bar(total: int, unit: str, *, shown: bool, what: str) -> "tqdm[NoReturn]":
    """A bar of ``total`` units, to be used as a context manager; one line every ten seconds where stderr is a file.

    Large counts get a suffix: 82.8M. Nothing is printed where ``shown`` is False.
    """
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        unit=unit,
        desc=what,
        file=sys.stderr,
        disable=not shown,
        unit_scale=total >= 1_000_000,
        mininterval=0.1 if terminal else 10,
        dynamic_ncols=terminal,
        smoothing=0.1,
    )
