"""What a user wants of a cut-off."""

from dataclasses import dataclass

from facesql.errors import FacesqlError

# What rates can be told apart from 0 and 1, how sure one can want to be, and how many there might be.
_LEAST, _LEAST_SURE, _MOST_SURE, _MOST_OTHERS = 1e-12, 0.5, 0.9999, 10**12


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a cut-off. Rates and shares lie in 0 to 1; None where nothing is."""

    max_fmr: float = 1e-3
    max_fnmr: float | None = None
    min_precision: float | None = None
    min_recall: float | None = None
    cost_false_match: float | None = None
    """What a false match costs, in any unit, and in the same a miss: the recommended cut-off then costs least."""
    cost_miss: float | None = None
    genuine_share: float | None = None
    """How many of the user's comparisons are of one person; None takes the share that the data have."""
    gallery: int | None = None
    """How many others a photo is compared with in a search."""
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Raise FacesqlError for what no cut-off can be asked."""
        shares = {
            "--max-fmr": self.max_fmr,
            "--max-fnmr": self.max_fnmr,
            "--min-precision": self.min_precision,
            "--min-recall": self.min_recall,
            "--genuine-share": self.genuine_share,
            "--confidence": self.confidence,
        }
        for option, value in shares.items():
            if value is not None and not _LEAST <= value <= 1 - _LEAST:
                raise FacesqlError(f"{value:g} is no {option}; give a share between 0 and 1, such as 0.01.")
        if not _LEAST_SURE <= self.confidence <= _MOST_SURE:
            raise FacesqlError(
                f"{self.confidence:g} is no --confidence; give one from {_LEAST_SURE:g} to {_MOST_SURE:g}."
            )
        costs = self.cost_false_match, self.cost_miss
        if (costs[0] is None) != (costs[1] is None):
            raise FacesqlError("Costs are weighed against each other; give both --cost-false-match and --cost-miss.")
        for cost in costs:
            if cost is not None and not 0 < cost < float("inf"):
                raise FacesqlError(f"{cost:g} is no cost; give a finite number above 0.")
        if self.gallery is not None and not 1 <= self.gallery <= _MOST_OTHERS:
            raise FacesqlError(f"That is no --gallery; give the number of others, from 1 to {_MOST_OTHERS:,}.")
