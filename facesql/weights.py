"""The file of dlib's face recognition network to the network's layers. No library but dlib reads such files.

The file holds, after a head, the layers from the input to the output, as dlib's ``serialize`` writes them: a layer's
name, then its numbers. An integer is a byte that tells how many bytes follow (and the sign), then those, least first;
a float is two integers, mantissa and exponent of two; a tensor is a version, its four dimensions, then raw
little-endian float32. What stands between the layers concerns training only, and is passed over.
"""

import re
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class WeightsError(Exception):
    """The file is not the network that this reader knows."""


@dataclass(frozen=True)
class Input:
    """Subtract ``means`` (3, RGB) from the pixels of a square picture and divide by 256. ``side`` is in pixels."""

    means: tuple[float, ...]
    side: int


@dataclass(frozen=True)
class Convolution:
    """``filters`` is out x in x rows x columns, ``bias`` out; stride and padding are equal in both directions."""

    filters: Floats
    bias: Floats
    stride: int
    padding: int


@dataclass(frozen=True)
class Affine:
    """Multiply each channel by ``scale``, then add ``shift``."""

    scale: Floats
    shift: Floats


@dataclass(frozen=True)
class Rectifier:
    """Negative numbers become zero."""


@dataclass(frozen=True)
class Pool:
    """The maximum or the mean of each square window; a window of 0 is the whole picture."""

    maximum: bool
    window: int
    stride: int


@dataclass(frozen=True)
class AddPrevious:
    """Add what went into the block: as it was, or as the mean pool before this layer has made it smaller."""


@dataclass(frozen=True)
class FullyConnected:
    """Multiply by ``matrix``: in x out."""

    matrix: Floats


Layer = Input | Convolution | Affine | Rectifier | Pool | AddPrevious | FullyConnected

_NAMES = (
    b"input_rgb_image_sized",
    b"con_4",
    b"affine_",
    b"relu_",
    b"max_pool_2",
    b"avg_pool_2",
    b"add_prev_",
    b"fc_2",
)
# A name follows its length, which is an integer of one byte.
_NAME = re.compile(b"|".join(re.escape(bytes([1, len(name)]) + name) for name in _NAMES))


def read_layers(content: bytes) -> list[Layer]:
    """The layers of a network in the order in which they are passed.

    Raises WeightsError where the content is damaged, or holds another kind of network.
    """
    reader = _Reader(content)
    layers: list[Layer] = []
    channels = 3
    try:
        while (name := reader.next_name()) is not None:
            layer = _layer(name, reader, channels)
            if isinstance(layer, Convolution):
                channels = len(layer.filters)
            layers.append(layer)
    except (IndexError, ValueError, OverflowError) as error:
        raise WeightsError(f"the file ends within a layer, or is damaged: {error}") from error
    if not layers:
        raise WeightsError("the file holds no layer of a network")
    return layers


def _layer(name: bytes, reader: "_Reader", channels: int) -> Layer:
    layer: Layer
    match name:
        case b"input_rgb_image_sized":
            means = (reader.real(), reader.real(), reader.real())
            layer = Input(means, reader.equal_integers("sides of the input"))
        case b"con_4":
            layer = _convolution(reader, channels)
        case b"affine_":
            scale, shift = np.split(reader.tensor(), 2)
            layer = Affine(scale, shift)
        case b"relu_":
            layer = Rectifier()
        case b"add_prev_":
            layer = AddPrevious()
        case b"fc_2":
            outputs, inputs = reader.integer(), reader.integer()
            layer = FullyConnected(reader.tensor().reshape(inputs, outputs))
        case _:
            window, stride = reader.equal_integers("windows of a pool"), reader.equal_integers("strides of a pool")
            if reader.equal_integers("paddings of a pool"):
                raise WeightsError("a pool has a padding, which this reader does not know")
            layer = Pool(name == b"max_pool_2", window, stride)
    return layer


def _convolution(reader: "_Reader", channels: int) -> Convolution:
    """The filters stand first, then a bias for each; how many there are is told after them."""
    numbers, count = reader.tensor(), reader.integer()
    rows, columns = reader.integer(), reader.integer()
    stride, padding = reader.equal_integers("strides of a convolution"), reader.equal_integers("its paddings")
    filters, bias = np.split(numbers, [len(numbers) - count])
    return Convolution(filters.reshape(count, channels, rows, columns), bias, stride, padding)


class _Reader:
    """A place in the file."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def next_name(self) -> bytes | None:
        """The next layer's name, and the place after it; None where there is none. Tensors are passed over already."""
        found = _NAME.search(self._content, self._at)
        if found is None:
            return None
        self._at = found.end()
        return found.group()[2:]

    def integer(self) -> int:
        head = self._content[self._at]
        size = head & 0x0F
        number = int.from_bytes(self._take(1 + size)[1:], "little")
        return -number if head & 0x80 else number

    def equal_integers(self, what: str) -> int:
        """Two integers that are one, for both directions."""
        rows, columns = self.integer(), self.integer()
        if rows != columns:
            raise WeightsError(f"the {what} differ by direction: {rows} and {columns}")
        return rows

    def real(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        return float(mantissa) * 2.0**exponent

    def tensor(self) -> Floats:
        version, *dimensions = (self.integer() for _ in range(5))
        if version != 2 or min(dimensions) < 1:
            raise WeightsError(f"a tensor has version {version} and dimensions {dimensions}")
        return np.frombuffer(self._take(4 * prod(dimensions)), "<f4").astype(np.float32)

    def _take(self, size: int) -> bytes:
        part = self._content[self._at : self._at + size]
        if len(part) < size:
            raise ValueError(f"{size} bytes are wanted at {self._at}, {len(part)} are left")
        self._at += size
        return part
