"""What the command import prints."""

from facesql.answertext import counted
from facesql.importing import ImportSummary


def imported(summary: ImportSummary) -> str:
    """What was written, from which columns, and what was left out."""
    columns = summary.columns
    encoding = repr(columns.encoding[0])
    if len(columns.encoding) > 1:
        encoding = f"{encoding} to {columns.encoding[-1]!r}"
    person = "the first folder of the id" if columns.person is None else repr(columns.person)
    lines = [
        f"{counted(summary.rows, 'row')} of {counted(summary.people, 'person')} in {str(summary.output)!r}",
        f"id from {columns.id!r}, person from {person}, encoding from {encoding}: {summary.numbers:,} numbers each, "
        f"{summary.number_type}",
    ]
    if columns.others:
        lines.append(f"carried: {', '.join(map(repr, columns.others))}")
    if summary.metric is None:
        lines.append("no metric noted; analyze takes euclidean, unless told otherwise")
    else:
        lines.append(f"metric {summary.metric.value}, noted in the table: all commands but sql and shell go by it")
    if summary.skipped:
        lines += ["", f"{counted(summary.skipped.total(), 'row')} left out:"]
        lines += [f"{count:8,d}  {why}" for why, count in summary.skipped.most_common()]
    return "\n".join(lines)
