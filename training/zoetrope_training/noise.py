"""Counter-based standard normals: Philox4x32-10 and Box-Muller.

The same draw exists in the engine, so any block can be made again bit for bit from (seed, block, step, lane).
Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
"""

from __future__ import annotations

import argparse
import json
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
"""Philox4x32 round multipliers."""
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
"""What is added to the two key words after every round."""
ROUNDS = 10
WORD = 0xFFFFFFFF
LOW = np.uint64(WORD)
HIGH = np.uint64(32)

Words = NDArray[np.uint64]


def philox(counter: tuple[Words, Words, Words, Words], seed: int) -> tuple[Words, Words, Words, Words]:
    """Apply Philox4x32-10 to counters, element by element.

    Shapes: four equal shapes in, the same shapes out. Units: 32-bit words held in uint64. `seed` is 64 bits.
    """
    c0, c1, c2, c3 = counter
    key0, key1 = seed & WORD, (seed >> 32) & WORD
    for _ in range(ROUNDS):
        first, second = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (second >> HIGH) ^ c1 ^ np.uint64(key0),
            second & LOW,
            (first >> HIGH) ^ c3 ^ np.uint64(key1),
            first & LOW,
        )
        key0, key1 = (key0 + KEY_STEPS[0]) & WORD, (key1 + KEY_STEPS[1]) & WORD
    return c0, c1, c2, c3


def words(count: int, *, seed: int, block: int, step: int, lane: int = 0) -> NDArray[np.uint32]:
    """Draw the 32-bit words behind `count` normals: [ceil(count / 4), 4] with counter (group, block, step, lane)."""
    group = np.arange((count + 3) // 4, dtype=np.uint64)
    fixed = [np.full_like(group, value & WORD) for value in (block, step, lane)]
    return np.stack(philox((group, *fixed), seed), axis=1).astype(np.uint32)


def normals(shape: tuple[int, ...], *, seed: int, block: int, step: int, lane: int = 0) -> NDArray[np.float32]:
    """Draw standard normals of `shape`, filled in row-major order.

    Box-Muller in float64 on word pairs (0, 1) and (2, 3), stored as float32. Step 0 is a block's first noise.
    """
    count = prod(shape)
    pairs = words(count, seed=seed, block=block, step=step, lane=lane).reshape(-1, 2).astype(np.float64)
    radius = np.sqrt(-2.0 * np.log((pairs[:, 0] + 1.0) / 2.0**32))
    angle = 2.0 * np.pi * (pairs[:, 1] / 2.0**32)
    values = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1).reshape(-1)
    return values[:count].astype(np.float32).reshape(shape)


def golden_vectors() -> dict[str, object]:
    """Draws that every implementation must reproduce: words exactly, normals to float32 rounding."""
    cases = [
        (0, 0, 0, 0, 8),
        (1, 0, 0, 0, 7),
        (1, 1, 0, 0, 5),
        (1, 1, 1, 0, 5),
        (42, 3, 2, 1, 13),
        (2**32 + 7, 1000, 1, 0, 10),
        (2**53 - 1, 2**31, 3, 0, 6),
    ]
    return {
        "algorithm": "philox4x32-10, box-muller",
        "cases": [
            {
                "seed": seed,
                "block": block,
                "step": step,
                "lane": lane,
                "count": count,
                "words": words(count, seed=seed, block=block, step=step, lane=lane).reshape(-1).tolist(),
                "normals": [float(v) for v in normals((count,), seed=seed, block=block, step=step, lane=lane)],
            }
            for seed, block, step, lane, count in cases
        ],
    }


def main() -> None:
    """Write the golden vectors to the path given on the command line."""
    parser = argparse.ArgumentParser(description="Write the golden vectors of the noise generator.")
    parser.add_argument("path", type=Path, help="the JSON file to write")
    path: Path = parser.parse_args().path
    path.write_text(json.dumps(golden_vectors(), indent=1) + "\n")


if __name__ == "__main__":
    main()
