"""How many pairs of faces are decided wrongly at a cut-off: matches of two people, and misses of one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facesql.distance import pair_distance, rule_of
from facesql.equivalent import Equivalent
from facesql.neighbours import Encodings, Numbers, SortedFaces

# So many faces are compared with others at a time.
_ROWS, _COLUMNS = 256, 8192
# What a fast squared distance in float64 may be off by, as a share of the lengths that it is made of.
_SLACK = 1e-12


class WrongPairs:
    """The wrong decisions among faces at a cut-off, at which ``distance <= cutoff`` is a match.

    The cut-off is in the metric that the Euclidean distances of the faces are ``equivalent`` to; ``exact`` are the
    encodings that this metric is of, where they are others.
    """

    def __init__(
        self,
        faces: SortedFaces,
        cutoff: float,
        equivalent: Equivalent = Equivalent(),  # noqa: B008  # it is frozen
        exact: Encodings | None = None,
    ) -> None:
        self._faces = faces
        self._cutoff = cutoff
        self._square = equivalent.euclidean(cutoff) ** 2
        self._rule = rule_of(equivalent.metric)
        self._exact = faces.encodings if exact is None else exact
        # The same for all columns, so that no product needs a copy of all encodings in float64.
        self._middle = faces.encodings.mean(axis=0, dtype=np.float64) if len(faces.encodings) else np.zeros(0)

    def of_each(self, rows: Numbers) -> NDArray[np.int64]:
        """For each face how many pairs with others are decided wrongly: shape (rows,)."""
        counts = np.zeros(len(rows), np.int64)
        everybody = np.arange(len(self._faces.people))
        for start in range(0, len(rows), _ROWS):
            part = slice(start, start + _ROWS)
            for first in range(0, len(everybody), _COLUMNS):
                counts[part] += self._wrong(rows[part], everybody[first : first + _COLUMNS]).sum(axis=1)
        return counts

    def of_set(self, rows: Sequence[int], each: NDArray[np.int64]) -> int:
        """How many wrong decisions have one of these faces, or two, in them; ``each`` is what ``of_each`` gives."""
        here = np.array(rows)
        within = sum(int(self._wrong(here[start : start + _ROWS], here).sum()) for start in range(0, len(here), _ROWS))
        return int(each.sum()) - within // 2

    def of_two_names(self, rows: Numbers, others: Numbers) -> int:
        """How many fewer decisions are wrong when two people, all of whose faces these are, are one."""
        fewer = 0
        for start in range(0, len(rows), _ROWS):
            part = rows[start : start + _ROWS]
            for first in range(0, len(others), _COLUMNS):
                these = others[first : first + _COLUMNS]
                matched = self._matched(part, these)
                apart = self._faces.photos[part][:, None] != self._faces.photos[these]
                fewer += int(matched.sum()) - int((~matched & apart).sum())
        return fewer

    def _wrong(self, rows: Numbers, others: Numbers) -> NDArray[np.bool_]:
        faces = self._faces
        same = faces.people[rows][:, None] == faces.people[others]
        pairs = ~same | (faces.photos[rows][:, None] != faces.photos[others])
        wrong: NDArray[np.bool_] = pairs & (self._matched(rows, others) != same)
        return wrong

    def _matched(self, rows: Numbers, others: Numbers) -> NDArray[np.bool_]:
        """Which pairs match; where rounding may decide, the distance is computed as the counts have it."""
        encodings = self._faces.encodings
        x, y = encodings[rows] - self._middle, encodings[others] - self._middle
        of_x, of_y = np.vecdot(x, x)[:, None], np.vecdot(y, y)
        excess = of_x + of_y - 2 * x @ y.T - self._square
        matched: NDArray[np.bool_] = excess <= 0
        doubtful = np.abs(excess) <= _SLACK * x.shape[1] * (of_x + of_y + self._square)
        for i, j in zip(*np.nonzero(doubtful), strict=True):
            matched[i, j] = pair_distance(self._rule, self._exact[rows[i]], self._exact[others[j]]) <= self._cutoff
        return matched
