"""What PyTorch takes for the arithmetic of one block, on the weights a package was exported from.

Run: `training/run baseline --threads 2 --json`

Eager and compiled, fp32, the same cache fill and as many denoising steps as the engine's steady state; and how many
operations a block has, counted by PyTorch's own counter.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

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
    steps = json.loads((PACKAGE / "manifest.json").read_text())["schedule"]["defaultSteps"]
    graphs = [graph for graph in block_graphs() for _ in range(steps if graph.role == "denoiser" else 1)]
    eager = [(graph.module.eval(), tuple(graph.inputs.values())) for graph in graphs]
    compiled = [(torch.compile(module, dynamic=False), inputs) for module, inputs in eager]

    def run(modules: list[tuple[Callable[..., object], tuple[torch.Tensor, ...]]]) -> None:
        with torch.inference_mode():
            for module, inputs in modules:
                module(*inputs)

    report: dict[str, object] = {"threads": flags.threads, "steps": steps, "torch": torch.__version__}
    for name, modules in (("eager", eager), ("compiled", compiled)):
        times = timed(lambda modules=modules: run(modules))
        report[f"{name}_ms"] = statistics.median(times)
        report[f"{name}_range_ms"] = [min(times), max(times)]
    with FlopCounterMode(display=False) as counter:
        run(eager)
    report["gflop"] = counter.get_total_flops() / 1e9
    print(json.dumps(report))


if __name__ == "__main__":
    main()
