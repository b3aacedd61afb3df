"""What PyTorch takes for the arithmetic of one block, on the weights a package was exported from.

Run: `training/run baseline --threads 2 --json`

Eager and compiled, fp32, the same cache fill as the engine's steady state; and how many operations a block has,
counted from the exported graphs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from math import prod
from pathlib import Path

import onnx
import torch
from onnx import shape_inference

from .graphs import Graph, codec_graphs, world_model_graphs
from .worlds.arcade.export import PACKAGE, LevelCodec, load_world
from .worlds.arcade.train_world import load_autoencoder
from .worlds.arcade import rules

WARM_UP, ROUNDS = 8, 60


def block_graphs() -> list[Graph]:
    """The graphs that run once a block, with example inputs of a full cache."""
    model = load_world()
    config = model.config
    latent = (1, config.latent_channels, config.height, config.width)
    codec = LevelCodec(load_autoencoder())
    graphs = world_model_graphs(model) + codec_graphs(codec, latent, height=rules.SIZE, width=rules.SIZE)
    wanted = [graph for graph in graphs if graph.role != "imageEncoder"]
    for graph in wanted:
        if "cache_bias" in graph.inputs:
            graph.inputs["cache_bias"].zero_()
    return wanted


def operations(path: Path) -> int:
    """Multiply-adds times two of the convolutions and matrix products in a graph with static shapes."""
    graph = shape_inference.infer_shapes(onnx.load(str(path))).graph
    shapes = {
        info.name: [d.dim_value for d in info.type.tensor_type.shape.dim]
        for info in (*graph.value_info, *graph.input, *graph.output)
    }
    shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    total = 0
    for node in graph.node:
        out = prod(shapes.get(node.output[0], [0]))
        match node.op_type:
            case "Conv":
                total += 2 * out * prod(shapes[node.input[1]][1:])
            case "MatMul":
                total += 2 * out * shapes[node.input[0]][-1]
            case "Gemm":
                transposed = any(a.name == "transA" and a.i for a in node.attribute)
                total += 2 * out * shapes[node.input[0]][0 if transposed else 1]
    return total


def timed(block: Callable[[], object]) -> list[float]:
    """Milliseconds of each of ROUNDS calls after a warm-up."""
    for _ in range(WARM_UP):
        block()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        block()
        times.append((time.perf_counter() - start) * 1000)
    return times


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry; the output is always JSON")
    flags = parser.parse_args()
    torch.set_num_threads(flags.threads)
    graphs = block_graphs()
    eager = [(graph.module.eval(), tuple(graph.inputs.values())) for graph in graphs]
    compiled = [(torch.compile(module, dynamic=False), inputs) for module, inputs in eager]

    def run(modules: list[tuple[Callable[..., object], tuple[torch.Tensor, ...]]]) -> None:
        with torch.inference_mode():
            for module, inputs in modules:
                module(*inputs)

    report: dict[str, object] = {"threads": flags.threads, "torch": torch.__version__}
    for name, modules in (("eager", eager), ("compiled", compiled)):
        times = timed(lambda modules=modules: run(modules))
        report[f"{name}_ms"] = statistics.median(times)
        report[f"{name}_range_ms"] = [min(times), max(times)]
    report["gflop"] = {graph.role: operations(PACKAGE / graph.file) / 1e9 for graph in graphs}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
