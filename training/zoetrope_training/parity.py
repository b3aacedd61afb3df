"""Compare exported graphs with PyTorch on the same inputs, tensor by tensor."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import onnxruntime as ort

from zoetrope_training.graphs import Graph


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


def main() -> None:
    """Check a package against the program that exported it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="a package folder, for example models/rooms")
    parser.add_argument("exporter", help="module with `graphs(run: Path)`, for example zoetrope_training.worlds.rooms.export")
    parser.add_argument("run", type=Path, help="the training run the package was exported from")
    parser.add_argument("--tolerance", type=float, default=1e-3, help="largest allowed difference of a float tensor")
    arguments = parser.parse_args()
    differences = compare(import_module(arguments.exporter).graphs(arguments.run), arguments.directory)
    print("\n".join(map(str, differences)))
    # A rounded picture may differ by one level where a value falls on the edge between two.
    failed = [d for d in differences if d.largest > (1 if d.tensor == "rgb" else arguments.tolerance)]
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
