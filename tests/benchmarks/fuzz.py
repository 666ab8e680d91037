"""Read many damaged photos and count what becomes of them.

python -m tests.benchmarks.fuzz [N]

Each of N photos (2,000 without a number) is read in another process, so that a decoder that crashes or hangs is
counted, too, and a new process reads the next. It prints the outcomes by kind of file and by kind of damage, the
slowest photo, and by how much memory the process grew. It exits 1 and gives the number of each photo that came to
anything but pixels or a PhotoError: tests.test_fuzz.damaged(number, MORE_KINDS) makes it again.
"""

import resource
import sys
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.connection import Connection

from facesql.photos import read_photo
from tests.test_fuzz import DAMAGES, MORE_KINDS, damaged, drawn, outcome

SECONDS = 30
OUTCOMES = ("decoded", "unreadable", "too_large", "unsupported", "raised", "crashed", "hung")
FINE = frozenset(OUTCOMES[:4])


def read_each(numbers: Connection) -> None:
    """Read the photos whose numbers come, and send back what became of each, and by how many MiB we grew."""
    for kind in MORE_KINDS:
        read_photo(drawn(kind))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    numbers.send(("ready", 0.0, ""))
    for number in iter(numbers.recv, None):
        _, _, content = damaged(number, MORE_KINDS)
        said = ""
        try:
            came_to = outcome(content)
        except Exception as error:  # noqa: BLE001 - what is looked for
            came_to, said = "raised", repr(error)
        numbers.send((came_to, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, said))


class Reader:
    """A process that reads photos, and a new one after each that it does not survive."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        context = get_context("spawn")
        self.numbers, theirs = context.Pipe()
        self.process = context.Process(target=read_each, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.numbers.recv()

    def end(self) -> None:
        self.numbers.send(None)
        self.process.join()

    def read(self, number: int) -> tuple[str, float, str]:
        """What became of the photo, MiB by which the process has grown, and what was raised."""
        self.numbers.send(number)
        try:
            if self.numbers.poll(SECONDS):
                came_to, mebibytes, said = self.numbers.recv()
                return came_to, mebibytes, said
            came_to = "hung"
        except (EOFError, ConnectionError):
            came_to = "crashed"
        self.process.kill()
        self.process.join()
        self._start()
        return came_to, 0.0, ""


def main(count: int) -> int:
    by_kind: Counter[tuple[str, str]] = Counter()
    slowest, largest, bad = (0.0, 0), 0.0, []
    reader = Reader()
    for number in range(count):
        kind, damage, _ = damaged(number, MORE_KINDS)
        start = time.perf_counter()
        came_to, mebibytes, said = reader.read(number)
        slowest = max(slowest, (time.perf_counter() - start, number))
        largest = max(largest, mebibytes)
        by_kind.update([(kind, came_to), (damage, came_to), ("all", came_to)])
        if came_to not in FINE:
            bad.append(f"{number} ({kind}, {damage}): {came_to} {said}")
    reader.end()
    print(f"{'':10}" + "".join(f"{name:>13}" for name in OUTCOMES))
    for row in (*MORE_KINDS, *DAMAGES, "all"):
        print(f"{row:10}" + "".join(f"{by_kind[row, name]:>13,}" for name in OUTCOMES))
    print(f"slowest: {slowest[0]:.2f} s (number {slowest[1]}); memory grew by {largest:.0f} MiB")
    print("none came to anything else" if not bad else "\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000))
