"""The layers of dlib's face recognition network to a model for ONNX Runtime."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

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
)

# The model's input, uint8 n x side x side x 3 (RGB), and its output, float32 n x 128.
CHIPS, ENCODINGS = "chips", "encodings"
# Not the newest, so that any ONNX Runtime of the last years reads the model.
_OPSET, _IR_VERSION = 17, 8

_Kind = TypeVar("_Kind", bound=Layer)


def to_onnx(layers: Sequence[Layer]) -> bytes:
    """The network as an ONNX model: aligned chips of faces in, encodings out.

    It is a residual network: a stem, then blocks of two convolutions to whose result the block's input is added.
    Where a block makes the picture smaller, its input is pooled, and what is smaller or has fewer channels than the
    other is filled up with zeros: at the bottom and the right, and at the last channels. Each affine layer is folded
    into the convolution before it, in float64.

    Raises WeightsError where the layers are those of another network.
    """
    rest = _Rest(layers)
    graph = _Graph()
    first = rest.take(Input)
    value = graph.convolution(graph.normalized(first), rest.take(Convolution), rest.take(Affine))
    rest.take(Rectifier)
    value = graph.pool(graph.rectified(value), rest.take(Pool))
    while rest.next_is(Convolution):
        value = _block(graph, value, rest)
    if rest.take(Pool) != Pool(maximum=False, window=0, stride=1):
        raise WeightsError("the last pool is not the mean of the whole picture")
    matrix = rest.take(FullyConnected).matrix
    if not rest.is_empty() or len(matrix) != value.channels:
        raise WeightsError("the network does not end with one matrix that takes what comes before it")
    graph.encodings(value, matrix)
    return graph.model(first.side, matrix.shape[1])


def _block(graph: "_Graph", value: "_Value", rest: "_Rest") -> "_Value":
    inside = graph.convolution(value, rest.take(Convolution), rest.take(Affine))
    rest.take(Rectifier)
    inside = graph.convolution(graph.rectified(inside), rest.take(Convolution), rest.take(Affine))
    around = value
    if rest.next_is(Pool):
        around = graph.pool(value, rest.take(Pool))
    elif (inside.channels, inside.side) != (value.channels, value.side):
        raise WeightsError("a block changes the picture's size, but does not pool what goes around it")
    rest.take(AddPrevious)
    rest.take(Rectifier)
    return graph.rectified(graph.sum(inside, around))


class _Rest:
    """The layers that have not been taken yet."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = deque(layers)

    def is_empty(self) -> bool:
        return not self._layers

    def next_is(self, kind: type[Layer]) -> bool:
        return bool(self._layers) and isinstance(self._layers[0], kind)

    def take(self, kind: type[_Kind]) -> _Kind:
        layer = self._layers.popleft() if self._layers else None
        if not isinstance(layer, kind):
            found = "its end" if layer is None else type(layer).__name__
            raise WeightsError(f"the network has {found} where {kind.__name__} is expected")
        return layer


@dataclass(frozen=True)
class _Value:
    """What a node gives: n x channels x side x side."""

    name: str
    channels: int
    side: int


class _Graph:
    """The nodes and constants of a model while it is made."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def normalized(self, first: Input) -> _Value:
        means = np.array(first.means, np.float32).reshape(1, -1, 1, 1)
        pixels = self._node("Transpose", self._node("Cast", CHIPS, to=TensorProto.FLOAT), perm=[0, 3, 1, 2])
        centred = self._node("Sub", pixels, self._constant(means))
        return _Value(self._node("Div", centred, self._constant(np.array([256], np.float32))), 3, first.side)

    def convolution(self, value: _Value, layer: Convolution, affine: Affine) -> _Value:
        scale = affine.scale.astype(np.float64)
        filters = layer.filters * scale[:, np.newaxis, np.newaxis, np.newaxis]
        bias = layer.bias * scale + affine.shift
        window = layer.filters.shape[-1]
        name = self._node(
            "Conv",
            value.name,
            self._constant(filters.astype(np.float32)),
            self._constant(bias.astype(np.float32)),
            kernel_shape=[window] * 2,
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
        )
        return _Value(name, len(bias), (value.side + 2 * layer.padding - window) // layer.stride + 1)

    def rectified(self, value: _Value) -> _Value:
        return replace(value, name=self._node("Relu", value.name))

    def pool(self, value: _Value, layer: Pool) -> _Value:
        operation = "MaxPool" if layer.maximum else "AveragePool"
        name = self._node(operation, value.name, kernel_shape=[layer.window] * 2, strides=[layer.stride] * 2)
        return _Value(name, value.channels, (value.side - layer.window) // layer.stride + 1)

    def sum(self, a: _Value, b: _Value) -> _Value:
        channels, side = max(a.channels, b.channels), max(a.side, b.side)
        terms = [self._filled_up(value, channels, side) for value in (a, b)]
        return _Value(self._node("Add", *terms), channels, side)

    def encodings(self, value: _Value, matrix: NDArray[np.float32]) -> None:
        means = self._node("Flatten", self._node("GlobalAveragePool", value.name))
        self._nodes.append(helper.make_node("MatMul", [means, self._constant(matrix)], [ENCODINGS]))

    def model(self, side: int, outputs: int) -> bytes:
        graph = helper.make_graph(
            self._nodes,
            "dlib_face_recognition_resnet_model_v1",
            [helper.make_tensor_value_info(CHIPS, TensorProto.UINT8, ["n", side, side, 3])],
            [helper.make_tensor_value_info(ENCODINGS, TensorProto.FLOAT, ["n", outputs])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content

    def _filled_up(self, value: _Value, channels: int, side: int) -> str:
        if (value.channels, value.side) == (channels, side):
            return value.name
        after = [0, channels - value.channels, side - value.side, side - value.side]
        return self._node("Pad", value.name, self._constant(np.array([0, 0, 0, 0, *after], np.int64)))

    def _node(self, operation: str, *inputs: str, **attributes: Any) -> str:
        name = f"{operation}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, inputs, [name], **attributes))
        return name

    def _constant(self, numbers: NDArray[np.generic]) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(numbers, name))
        return name
