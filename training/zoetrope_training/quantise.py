"""Graphs in int8, calibrated on what the package itself draws.

Convolutions get weights of 8 bits, a scale for each output channel, and activations of 8 bits, one scale for each
tensor; all else stays float32, and so does a graph's border. Ranges are those seen while the float32 graphs play.
Source: quantisation for integer arithmetic, arXiv:1712.05877.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from zoetrope_training.calibration import Feeds

QUANTISED = ("Conv", "Relu")
"""A ReLU behind a quantised convolution becomes the lower end of its range."""


class _Feeds(CalibrationDataReader):
    """Recorded feeds as the quantiser reads them."""

    def __init__(self, feeds: list[Feeds]) -> None:
        self._feeds = iter(feeds)

    def get_next(self) -> Feeds | None:  # type: ignore[override]
        return next(self._feeds, None)


def quantise_graph(source: Path, target: Path, feeds: list[Feeds], keep: tuple[str, ...]) -> None:
    """Write an int8 version of a graph; layers named in `keep` stay float32."""
    model = weave_channels_last(onnx.load(source))
    kept = [node.name for node in model.graph.node if any(f"/{layer}/" in node.name for layer in keep)]
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        quantize_static(
            model,
            str(target),
            _Feeds(feeds),
            op_types_to_quantize=list(QUANTISED),
            nodes_to_exclude=kept,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    finally:
        root.setLevel(level)


def weave_channels_last(model: onnx.ModelProto) -> onnx.ModelProto:
    """Shuffle pixels with the channels last, as int8 convolutions have them: whole rows of channels move.

    A `DepthToSpace` right behind a convolution becomes two reshapes around a transposition, and the convolution
    answers with its channels in the order that makes them so.
    """
    model = onnx.shape_inference.infer_shapes(model)
    graph = model.graph
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in graph.value_info}
    makers = {name: node for node in graph.node for name in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        maker = makers.get(node.input[0]) if node.op_type == "DepthToSpace" else None
        if maker is None or maker.op_type != "Conv":
            nodes.append(node)
            continue
        side = next(a.i for a in node.attribute if a.name == "blocksize")
        _, channels, height, width = shapes[node.input[0]]
        order = np.arange(channels).reshape(-1, side * side).T.flatten()
        for name in maker.input[1:]:
            reordered = numpy_helper.to_array(weights[name])[order]
            weights[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(reordered), name))
        nodes += _woven(graph, node, (height, width, side, channels // side**2))
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _woven(graph: onnx.GraphProto, node: onnx.NodeProto, size: tuple[int, int, int, int]) -> list[onnx.NodeProto]:
    """The nodes that do what `node` does; `size` is the height, width, side and channels it makes pixels of."""
    height, width, side, channels = size
    out = node.output[0]
    for name, shape in (("split", (height, width, side, side, channels)), ("join", (1, height * side, width * side, channels))):
        graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), f"{out}/{name}_shape"))
    return [
        helper.make_node("Transpose", [node.input[0]], [f"{out}/last"], f"{node.name}/last", perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", [f"{out}/last", f"{out}/split_shape"], [f"{out}/split"], f"{node.name}/split"),
        helper.make_node("Transpose", [f"{out}/split"], [f"{out}/woven"], f"{node.name}/weave", perm=[0, 2, 1, 3, 4]),
        helper.make_node("Reshape", [f"{out}/woven", f"{out}/join_shape"], [f"{out}/joined"], f"{node.name}/join"),
        helper.make_node("Transpose", [f"{out}/joined"], [out], f"{node.name}/first", perm=[0, 3, 1, 2]),
    ]
