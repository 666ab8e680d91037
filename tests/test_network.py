"""dlib's weights file to layers, and layers to ONNX: small made-up networks against a naive forward pass."""

from collections.abc import Iterator, Sequence

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from facesql.network import CHIPS, ENCODINGS, to_onnx
from facesql.weights import (
    AddPrevious,
    Affine,
    Convolution,
    FullyConnected,
    Input,
    Layer,
    Pool,
    Rectifier,
    WeightsError,
    read_layers,
)

HEAD = b"\x01\x01\x01\x01\x01\x0dloss_metric_2\x03\x0a\xd7\xa3\x81\x1c"


def integer(number: int) -> bytes:
    size = (abs(number).bit_length() + 7) // 8 or 1
    return bytes([size | (0x80 if number < 0 else 0)]) + abs(number).to_bytes(size, "little")


def integers(*numbers: int) -> bytes:
    return b"".join(map(integer, numbers))


def tensor(numbers: NDArray[np.float32]) -> bytes:
    return integers(2, numbers.size, 1, 1, 1) + numbers.astype("<f4").tobytes()


def written(layer: Layer) -> bytes:
    """A layer as dlib writes it, followed by some of what concerns training only."""
    match layer:
        case Input(means, side):
            # A float is a mantissa and an exponent of two; these means are multiples of a quarter.
            parts = [part for mean in means for part in (round(mean * 4), -2)]
            name, content = b"input_rgb_image_sized", integers(*parts, side, side)
        case Convolution(filters, bias, stride, padding):
            numbers = np.concatenate([filters.ravel(), bias])
            shape = integers(len(bias), *filters.shape[2:], stride, stride, padding, padding)
            name, content = b"con_4", tensor(numbers) + shape
        case Affine(scale, shift):
            name, content = b"affine_", tensor(np.concatenate([scale, shift])) + integers(1, 1, len(scale), 1, 1)
        case Pool(maximum, window, stride):
            name = b"max_pool_2" if maximum else b"avg_pool_2"
            content = integers(window, window, stride, stride, 0, 0)
        case FullyConnected(matrix):
            name, content = b"fc_2", integers(*reversed(matrix.shape)) + tensor(matrix)
        case _:
            name, content = b"relu_" if isinstance(layer, Rectifier) else b"add_prev_", b"110"
    return named(name) + content


def named(name: bytes) -> bytes:
    return integer(0) + integer(len(name)) + name


def file_of(layers: Sequence[Layer]) -> bytes:
    return HEAD + b"".join(map(written, layers))


def some_layers(seed: int = 0) -> list[Layer]:
    """A network of all kinds of layers: a stem, a block that keeps the size, and one that makes the picture smaller."""
    random = np.random.default_rng(seed)

    def floats(*shape: int) -> NDArray[np.float32]:
        return random.normal(size=shape).astype(np.float32)

    def convolution(inputs: int, outputs: int, window: int, stride: int, padding: int) -> Iterator[Layer]:
        yield Convolution(floats(outputs, inputs, window, window), floats(outputs), stride, padding)
        yield Affine(floats(outputs), floats(outputs))

    def block(inputs: int, outputs: int, stride: int) -> Iterator[Layer]:
        yield from convolution(inputs, outputs, 3, stride, 1 if stride == 1 else 0)
        yield Rectifier()
        yield from convolution(outputs, outputs, 3, 1, 1)
        if stride > 1:
            yield Pool(maximum=False, window=2, stride=2)
        yield AddPrevious()
        yield Rectifier()

    stem = [Input((122.75, 117.0, 104.25), 23), *convolution(3, 4, 5, 2, 0), Rectifier()]
    # Sides 23, 10, 4, 4, then 1 inside the last block and 2 around it.
    middle = [Pool(maximum=True, window=3, stride=2), *block(4, 4, 1), *block(4, 6, 2)]
    return [*stem, *middle, Pool(maximum=False, window=0, stride=1), FullyConnected(floats(6, 5))]


def forward(layers: Sequence[Layer], chip: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The network of ``some_layers`` in float64, step by step."""
    steps = iter(layers)
    means, matrix = layers[0], layers[-1]
    assert isinstance(means, Input)
    assert isinstance(matrix, FullyConnected)
    next(steps)
    value = ((chip.astype(np.float64) - np.array(means.means)) / 256).transpose(2, 0, 1)
    value = convolved(value, steps).clip(0)
    next(steps)
    value = pooled(value, next(steps))
    for pools in (False, True):
        inside = convolved(value, steps).clip(0)
        next(steps)
        inside = convolved(inside, steps)
        around = pooled(value, next(steps)) if pools else value
        value = np.zeros(np.maximum(inside.shape, around.shape))
        value[tuple(map(slice, inside.shape))] += inside
        value[tuple(map(slice, around.shape))] += around
        value = value.clip(0)
        assert isinstance(next(steps), AddPrevious)
        assert isinstance(next(steps), Rectifier)
    encoding: NDArray[np.float64] = value.mean(axis=(1, 2)) @ matrix.matrix
    return encoding


def windows(value: NDArray[np.float64], size: int, stride: int) -> NDArray[np.float64]:
    """Channels x rows x columns x size x size."""
    return np.lib.stride_tricks.sliding_window_view(value, (size, size), axis=(1, 2))[:, ::stride, ::stride]


def convolved(value: NDArray[np.float64], steps: Iterator[Layer]) -> NDArray[np.float64]:
    layer, affine = next(steps), next(steps)
    assert isinstance(layer, Convolution)
    assert isinstance(affine, Affine)
    padded = np.pad(value, [(0, 0), (layer.padding,) * 2, (layer.padding,) * 2])
    seen = windows(padded, layer.filters.shape[2], layer.stride)
    sums = np.einsum("oirc,iyxrc->oyx", layer.filters.astype(np.float64), seen) + layer.bias[:, None, None]
    result: NDArray[np.float64] = sums * affine.scale[:, None, None] + affine.shift[:, None, None]
    return result


def pooled(value: NDArray[np.float64], layer: Layer) -> NDArray[np.float64]:
    assert isinstance(layer, Pool)
    seen = windows(value, layer.window, layer.stride)
    result: NDArray[np.float64] = seen.max(axis=(3, 4)) if layer.maximum else seen.mean(axis=(3, 4))
    return result


def equal(a: Layer, b: Layer) -> bool:
    return type(a) is type(b) and all(
        np.array_equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True)
    )


def test_a_file_is_read_as_it_was_written() -> None:
    layers = some_layers()
    read = read_layers(file_of(layers))
    assert len(read) == len(layers)
    assert all(map(equal, read, layers))


def test_numbers_that_look_like_a_name_are_passed_over() -> None:
    layers = some_layers()
    trap = np.frombuffer(b"\x01\x05con_4\x00", np.float32)
    filters = np.resize(trap, (4, 3, 5, 5))
    layers[1] = Convolution(filters, trap.repeat(2), 2, 0)
    assert all(map(equal, read_layers(file_of(layers)), layers))


@pytest.mark.parametrize("seed", range(3))
def test_the_model_gives_what_a_naive_forward_pass_gives(seed: int) -> None:
    layers = some_layers(seed)
    session = onnxruntime.InferenceSession(to_onnx(layers))
    chips = np.random.default_rng(seed).integers(0, 256, (4, 23, 23, 3)).astype(np.uint8)
    (encodings,) = session.run([ENCODINGS], {CHIPS: chips})
    expected = np.array([forward(layers, chip) for chip in chips])
    assert encodings.dtype == np.float32
    assert np.abs(expected).max() > 1
    assert encodings == pytest.approx(expected, rel=1e-4, abs=1e-4 * np.abs(expected).max())


def test_a_file_cut_off_anywhere_is_told_to_be_damaged() -> None:
    content = file_of(some_layers())
    last = content.rindex(b"fc_2")
    ends = [0, len(HEAD), *range(len(HEAD) + 20, len(content) - 3, 97)]
    for end in ends:
        with pytest.raises(WeightsError):
            to_onnx(read_layers(content[:end]))
    with pytest.raises(WeightsError, match="the file ends within a layer, or is damaged"):
        read_layers(content[: last + 30])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file holds no layer"),
        (b"some text", "the file holds no layer"),
        (named(b"con_4") + integers(3, 1, 1, 1, 1), "a tensor has version 3 and dimensions"),
        (named(b"con_4") + integers(2, -1, 1, 1, 1), "a tensor has version 2 and dimensions"),
        (named(b"max_pool_2") + integers(3, 2), "the windows of a pool differ by direction: 3 and 2"),
        (named(b"max_pool_2") + integers(3, 3, 2, 2, 1, 1), "a pool has a padding"),
        (named(b"con_4") + tensor(np.zeros(10, np.float32)) + integers(4, 3, 3, 1, 1, 1, 1), "is damaged"),
    ],
)
def test_what_is_no_such_network_is_told(content: bytes, sentence: str) -> None:
    with pytest.raises(WeightsError, match=sentence):
        read_layers(content)


@pytest.mark.parametrize("place", range(len(some_layers())))
def test_a_network_that_lacks_a_layer_is_refused(place: int) -> None:
    layers = some_layers()
    del layers[place]
    with pytest.raises(WeightsError):
        to_onnx(layers)
