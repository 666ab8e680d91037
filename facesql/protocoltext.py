"""What a list of pairs gave, as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facesql.aligned import aligned
from facesql.binning import Metric

if TYPE_CHECKING:  # the types alone
    from pathlib import Path

    from facesql.foldwise import Spread
    from facesql.protocol import Accuracy, Protocol


def told(found: Protocol, output: Path | None = None) -> str:
    """The pairs, the accuracy with and without those that lack a face, at either cut-off, the folds and the curve."""
    folds = found.folds
    dealt = "" if found.folds_told else f", {_DEALT[found.fold_rule.value]}"
    rows = [["", *_HEAD[0]], ["accuracy at", *_HEAD[1]]]
    rows.append(["each fold's own cut-off", *_cells(found.chosen)])
    if found.fixed is not None:
        rows.append([f"cut-off {found.cutoff:g}", *_cells(found.fixed)])
    cutoffs = folds["cutoff"].to_list()
    return "\n".join(
        [
            f"{found.pairs:,} pairs, {found.genuine:,} of one person, in {folds.height} folds{dealt}",
            *_lacking(found),
            *_across(found),
            *([] if found.metric is Metric.EUCLIDEAN else [f"distances are {found.metric}"]),
            "",
            *aligned(rows, left=1),
            "",
            "A fold's own cut-off is the best of all other folds: half-way between two distances, of equally accurate "
            f"ones the lowest; here {min(cutoffs):.4f} to {max(cutoffs):.4f}.",
            "sd is the standard deviation of the folds, se the standard error of their mean.",
            "",
            f"AUC {found.auc:.5f}   EER {found.eer:.2e}, of the pairs with faces",
            *([] if output is None else [f"written to {str(output)!r}"]),
        ]
    )


# By the rule that dealt the folds.
_DEALT = {
    "order": "the pairs of each class cut into these in their order",
    "people": "cut by their people",
}
_HEAD = (
    ["pairs with faces", "", "", "all pairs", "", ""],
    ["mean", "sd", "se", "mean", "sd", "se"],
)


def _lacking(found: Protocol) -> list[str]:
    if not found.without_face:
        return ["both photos of every pair have a face in the table"]
    statuses = ", ".join(f"{count:,} {status!r}" for status, count in found.statuses.items())
    return [
        f"{found.without_face:,} pairs lack a face, for {found.photos_without_face:,} photos have none in the table"
        f"{f' ({statuses})' if statuses else ''}: left out, and of all pairs counted as errors"
    ]


def _across(found: Protocol) -> list[str]:
    if found.folds_told or found.fold_rule.value != "people":
        return []
    if not found.pairs_across:
        return ["nobody is in two folds"]
    return [
        f"{found.pairs_across:,} pairs are of people of two folds, and judged in one of these; a fold's cut-off is "
        "chosen on pairs that hold nobody of that fold"
    ]


def _cells(accuracy: Accuracy) -> list[str]:
    return [*_spread(accuracy.with_faces), *_spread(accuracy.of_all)]


def _spread(spread: Spread) -> list[str]:
    return [f"{spread.mean:.4f}", f"{spread.sd:.4f}", f"{spread.se:.4f}"]
