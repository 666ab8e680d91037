"""Metrics, and the bins of their distances: the one place where a bin becomes a distance."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from math import ceil, isfinite
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from facesql.errors import FacesqlError

# So many bins there may be, and so many digits a width or a distance may have: their products are exact in float64.
MOST_BINS, MOST_DIGITS = 20_000, 9
# From the narrowest bin to the widest, as powers of ten; what is an integer times a power of ten within them is exact.
_LEAST_POWER, _MOST_POWER = -18, 18
# What float32 may round an encoding of length 1 by, and with it a bound on distances.
_ROUNDING = 1e-6

# The blocks of the two faces of pairs, and whether they are of one person.
BlockPair = tuple[int, int, bool]


class Metric(StrEnum):
    """How far two encodings lie from each other; less is nearer, and none has a unit."""

    EUCLIDEAN = "euclidean"
    """The length of the difference, face_recognition's."""
    SQUARED = "sqeuclidean"
    """The square of that."""
    COSINE = "cosine"
    """1 - cos of the angle between the two, 0 to 2."""
    INNER = "inner"
    """The negative inner product."""


@dataclass(frozen=True)
class Bins:
    """Bin k ends at the edge k x width, which it holds: ``distance <= k * width`` is the same as ``bin <= k``.

    Bin ``first`` holds all distances up to its edge, for distances that are never negative just those of 0; the bin
    after ``last`` holds all beyond the last edge.
    """

    metric: Metric
    first: int
    last: int
    width: Decimal

    @property
    def beyond(self) -> int:
        """The last bin, of all distances beyond the last edge."""
        return self.last + 1

    @property
    def count(self) -> int:
        """How many bins there are, that beyond the last edge included."""
        return self.beyond - self.first + 1

    @property
    def ratio(self) -> tuple[int, int]:
        """The width as a fraction: an edge is the bin times the first over the second, rounded once.

        >>> EUCLIDEAN.ratio
        (1, 1000)
        """
        return self.width.as_integer_ratio()

    @property
    def decimals(self) -> int:
        """How many decimals an edge is written with.

        >>> EUCLIDEAN.decimals
        3
        """
        exponent = self.width.normalize().as_tuple().exponent
        return max(0, -int(exponent))

    @property
    def range(self) -> str:
        """The width and the range, in words.

        >>> EUCLIDEAN.range
        '0.001 from 0 to 2'
        """
        return f"{written(self.width)} from {written(self.first * self.width)} to {written(self.last * self.width)}"

    def bin_of(self, cutoff: Decimal) -> int:
        """The bin that ends at a cut-off.

        Raises FacesqlError where there is no edge.

        >>> EUCLIDEAN.bin_of(Decimal("0.6"))
        600
        """
        first, last = self.first * self.width, self.last * self.width
        if not first <= cutoff <= last:
            raise FacesqlError(
                f"The cut-off {written(cutoff)} lies outside {written(first)} to {written(last)}; choose one "
                "inside, or give a larger --max-distance."
            )
        if cutoff % self.width:
            raise FacesqlError(
                f"The cut-off {written(cutoff)} lies between two edges, which are {written(self.width)} apart; round "
                "it, or give a smaller --bin-width."
            )
        return int(cutoff / self.width)

    @cached_property
    def edges(self) -> NDArray[np.float64]:
        """The edges of bins ``first`` to ``last``: the float64 nearest to each multiple of the width.

        >>> EUCLIDEAN.edges[70]
        np.float64(0.07)
        """
        return np.array([float(number * self.width) for number in range(self.first, self.last + 1)])

    def places(self, distance: NDArray[np.float64]) -> NDArray[np.intp]:
        """The place of each distance's bin, counted from bin ``first``.

        >>> EUCLIDEAN.places(np.array([0.0, 1e-9, 0.07, 0.6, 2.0, 2.5])).tolist()
        [0, 1, 70, 600, 2000, 2001]
        """
        return np.searchsorted(self.edges, distance)


class BinCounts(NamedTuple):
    """Pairs a bin (int64) and their person weights a bin, from bin ``first`` on.

    The weights are summed in float64, and kept in float32: seven digits, where the eighth tells nothing of anybody.
    """

    first: int
    pairs: NDArray[np.int64]
    person_weight: NDArray[np.floating]


def total(parts: Sequence[BinCounts]) -> BinCounts:
    """The sum of counts; weights are added in the order of the parts."""
    if len(parts) == 1:
        return parts[0]
    first = min(part.first for part in parts)
    size = max(part.first + len(part.pairs) for part in parts) - first
    pairs, weight = np.zeros(size, np.int64), np.zeros(size)
    for part in parts:
        place = slice(part.first - first, part.first - first + len(part.pairs))
        pairs[place] += part.pairs
        weight[place] += part.person_weight
    return BinCounts(first, pairs, weight)


# What face_recognition's encodings are compared by: distances of 0 to 2, a thousandth a bin.
EUCLIDEAN = Bins(Metric.EUCLIDEAN, 0, 2000, Decimal("0.001"))


def parse_number(text: str, what: str) -> Decimal:
    """The number that a text writes; ``what`` it is stands in the error.

    Raises FacesqlError for what is no number, and for one that bins cannot be counted in.

    >>> parse_number("0.4", "cut-off")
    Decimal('0.4')
    """
    try:
        number = Decimal(text)
    except ArithmeticError as error:
        raise FacesqlError(f"{text!r} is no {what}; write a number such as 0.4.") from error
    if not _is_exact(number):
        raise FacesqlError(
            f"{text!r} is no {what}; write a number of at most {MOST_DIGITS} digits, between 1e{_LEAST_POWER} and "
            f"1e{_MOST_POWER}."
        )
    return number


def _is_exact(number: Decimal) -> bool:
    """Whether a number is finite, and neither too long nor too small or large to be counted in exactly."""
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return False
    written = "".join(map(str, digits)).rstrip("0")
    least = exponent + len(digits) - len(written)
    significant = len(written.lstrip("0"))
    return not significant or (
        significant <= MOST_DIGITS and least >= _LEAST_POWER and least + significant <= _MOST_POWER + 1
    )


def fitting_bins(
    metric: Metric,
    bound: float | None = None,
    *,
    numbers: int = 0,
    width: Decimal | None = None,
    reach: Decimal | None = None,
) -> Bins:
    """The bins that fit a metric and data, unless ``width`` or ``reach``, the last edge, say otherwise.

    Distances of the metric, which may be Euclidean, its square or the inner product, are at most ``bound``, None where
    there are no faces; an encoding has so many ``numbers``. Cosine distances are counted from 0 to 2 by 0.001, and so
    are Euclidean ones and their squares where the bound lies above 0.2 and not above 2: so a table has the bins of the
    next one like it. Euclidean distances of 128 numbers, face_recognition's, are so below 0.2, too. Otherwise the width
    is the smallest of 1, 2 and 5 x 10^k at which 2,000 bins reach the bound. Inner products have bins on both sides of
    0, 1,000 each.

    Raises FacesqlError where a bound is too large to be counted in, where ``width`` or ``reach`` is not positive, the
    one no multiple of the other, or the bins are too many.

    >>> fitting_bins(Metric.EUCLIDEAN, 31.4).range
    '0.02 from 0 to 40'
    >>> fitting_bins(Metric.INNER, 1.0).range
    '0.001 from -1 to 1'
    """
    for value, option in ((width, "--bin-width"), (reach, "--max-distance")):
        if value is not None and not (_is_exact(value) and value > 0):
            raise FacesqlError(
                f"{value} is no {option}; give a positive number of at most {MOST_DIGITS} digits, such as 0.001."
            )
    if width is None or reach is None:
        fitting = _fitting(metric, bound, numbers)
        least = fitting.last * fitting.width
        width = fitting.width if width is None else width
        reach = ceil(least / width) * width if reach is None else reach
    if reach / width <= MOST_BINS and reach % width:
        raise FacesqlError(
            f"The largest distance {written(reach)} is no multiple of the bin width {written(width)}; give a "
            "--max-distance or a --bin-width that is."
        )
    last = int(reach / width)
    first = -last if metric is Metric.INNER else 0
    if last - first > MOST_BINS:
        raise FacesqlError(
            f"Bins of {written(width)} up to {written(reach)} are {last - first:,d}, more than {MOST_BINS:,d}; give "
            "a larger --bin-width or a smaller --max-distance."
        )
    return Bins(metric, first, last, width)


def _fitting(metric: Metric, bound: float | None, numbers: int) -> Bins:
    usual = Bins(metric, 0, EUCLIDEAN.last, EUCLIDEAN.width)
    if metric is Metric.INNER:
        width = _fitting_width(bound, 1000) if bound else usual.width
        return Bins(metric, -1000, 1000, width)
    least = 0 if metric is Metric.EUCLIDEAN and numbers == 128 else 0.2
    if metric is Metric.COSINE or not bound or least < bound <= 2 * (1 + _ROUNDING):
        return usual
    return Bins(metric, 0, 2000, _fitting_width(bound, 2000))


def _fitting_width(bound: float, bins: int) -> Decimal:
    """The smallest of 1, 2 and 5 x 10^k, within limits, so that as many bins reach the bound but for rounding."""
    widths = (Decimal(digit).scaleb(power) for power in range(_LEAST_POWER, _MOST_POWER) for digit in (1, 2, 5))
    for width in widths:
        if isfinite(bound) and float(width * bins) >= bound / (1 + _ROUNDING):
            return width
    raise FacesqlError(
        f"The encodings are as much as {bound:g} apart, which is too much to be counted; divide them by some number."
    )


def written(number: Decimal) -> str:
    """A number without zeros at its end and without an exponent.

    >>> written(Decimal("2E+1")), written(Decimal("0.300"))
    ('20', '0.3')
    """
    return f"{number.normalize() + 0:f}"
