"""Compare exported graphs with PyTorch on the same inputs, tensor by tensor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from zoetrope_training.graphs import Graph


TOLERANCE = 1e-3
"""Largest allowed difference of a float tensor."""


@dataclass(frozen=True)
class Difference:
    """The largest absolute difference of one output tensor, and how large the tensor's values are."""

    graph: str
    tensor: str
    largest: float
    magnitude: float

    def __str__(self) -> str:
        return f"{self.graph:20} {self.tensor:12} max |difference| {self.largest:.2e}   max |value| {self.magnitude:.3g}"


def open_session(path: Path, threads: int = 1) -> ort.InferenceSession:
    """Open a graph on the CPU provider."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def compare(graphs: list[Graph], directory: Path) -> list[Difference]:
    """Run every graph in PyTorch and in ONNX Runtime on its example inputs."""
    differences: list[Difference] = []
    for graph in graphs:
        expected = graph.run()
        session = open_session(directory / graph.file)
        feeds = {name: value.numpy() for name, value in graph.inputs.items()}
        results = session.run(list(expected), feeds)
        for (name, tensor), result in zip(expected.items(), results, strict=True):
            wanted = tensor.numpy().astype(np.float64)
            largest = float(np.abs(wanted - np.asarray(result, dtype=np.float64)).max())
            differences.append(Difference(graph.file, name, largest, float(np.abs(wanted).max())))
    return differences


def check(graphs: list[Graph], directory: Path) -> str:
    """Compare, and describe every difference, a line each.

    Raises:
        ValueError: a tensor differs by more than TOLERANCE, or a byte of a picture by more than one level, which a
            value on the edge between two may.
    """
    differences = compare(graphs, directory)
    report = "\n".join(map(str, differences))
    if any(d.largest > (1 if d.tensor == "rgb" else TOLERANCE) for d in differences):
        raise ValueError(f"{directory} does not compute what PyTorch computes:\n{report}")
    return report
