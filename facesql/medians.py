"""Medians of distances a person, and what is counted of them: loops that Numba compiles, without Python's lock."""

import numpy as np
from numpy.typing import NDArray

from facesql.distance import compiled

Singles = NDArray[np.float32]
Numbers = NDArray[np.int64]
Counts = NDArray[np.float64]


@compiled
def select(values: Singles, count: int, place: int) -> float:
    """What stands at a place of the first so many values in ascending order; no greater ones stand before it then.

    The values are put into another order (Hoare, Algorithm 65: Find, 1961).
    """
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            high = j
        elif place >= i:
            low = i
        else:
            break
    return float(values[place])


@compiled
def median(values: Singles, count: int) -> float:
    """The median of the first so many values, at least one, which are put into another order."""
    if count == 1:
        return float(values[0])
    upper = select(values, count, count // 2)
    if count % 2:
        return upper
    lower = values[0]
    for i in range(1, count // 2):
        lower = max(lower, values[i])
    return (float(lower) + upper) / 2


@compiled
def insert(distance: float, least: Singles) -> bool:
    """Put a distance among the least so far, ascending, if it is one of them; whether it is the least of all."""
    place = len(least)
    while place and distance < least[place - 1]:
        place -= 1
    for i in range(len(least) - 1, place, -1):
        least[i] = least[i - 1]
    if place < len(least):
        least[place] = distance
    return place == 0


@compiled
def fill_medians(
    squared: Singles,
    first: int,
    people: Numbers,
    starts: Numbers,
    photos: Numbers,
    medians: Singles,
    closest: Numbers,
    close: Singles,
) -> None:
    """The median distance of each row's face to each person's faces, and which face of others is closest to it.

    Row r is face first + r, and holds the squared distances to all. Of its own person, faces in the same photo do not
    count, NaN where no others are; and none in the same photo is the closest. ``close`` gets the least distances to a
    face of another person, each of another one.
    """
    held = np.empty(squared.shape[1], np.float32)
    for row in range(len(squared)):
        face = first + row
        for person in range(len(starts) - 1):
            count, least, which = 0, np.inf, -1
            for other in range(starts[person], starts[person + 1]):
                if people[face] != person or photos[face] != photos[other]:
                    held[count] = np.sqrt(squared[row, other])
                    count += 1
                if people[face] != person and photos[face] != photos[other] and squared[row, other] < least:
                    least, which = squared[row, other], other
            if which >= 0 and insert(np.sqrt(least), close[row]):
                closest[row] = which
            medians[row, person] = median(held, count) if count else np.nan


@compiled
def tally_faces(
    medians: Singles,
    people: Numbers,
    sizes: Numbers,
    width: float,
    own: Singles,
    near: Singles,
    nearest: Numbers,
    counts: Counts,
) -> None:
    """What each face, a row, has to its own person and to the nearest others; all to others go to the counts a bin.

    A face weighs 1 / (2 x faces of its person): so each two people weigh one.
    """
    for row in range(len(medians)):
        mine = people[row]
        own[row] = medians[row, mine]
        for person in range(len(sizes)):
            distance = medians[row, person]
            if person == mine:
                continue
            counts[min(int(distance / width), len(counts) - 1)] += 0.5 / sizes[mine]
            if insert(distance, near[row]):
                nearest[row] = person


@compiled
def tally_people(
    medians: Singles,
    first: int,
    last: int,
    start: int,
    starts: Numbers,
    width: float,
    alike: Numbers,
    alike_near: Singles,
    counts: Counts,
) -> None:
    """For the people whose faces are rows, who are nearest by the median of rows; all go to the counts a class and bin.

    Two people are counted where the rows' person has fewer faces, or equally many and comes first; not in class 0.
    """
    classes, bins = counts.shape
    held = np.empty(len(medians), np.float32)
    for person in range(first, last):
        begin, end = starts[person] - start, min(starts[person + 1] - start, len(medians))
        size = starts[person + 1] - starts[person]
        for other in range(len(starts) - 1):
            if other == person:
                continue
            for row in range(begin, end):
                held[row - begin] = medians[row, other]
            distance = median(held, end - begin)
            if insert(distance, alike_near[person - first]):
                alike[person - first] = other
            others = starts[other + 1] - starts[other]
            if size > 1 and (others > size or (others == size and other > person)):
                mean = 2 * size * others / (size + others)
                place = min(int(np.log2(mean)), classes - 1)
                counts[place, min(int(distance / width), bins - 1)] += 1
