"""The tables of `world-maze`'s model card, from what `evaluate --json` printed.

Run: `python -m zoetrope_training.worlds.maze.card report.json [more.json ...]`
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

AGES = ("30-100", "100-300", "300-1000")


def memory_rows(reports: list[dict[str, Any]]) -> list[str]:
    """A line a policy: share of attributes right by age, and how many returns that rests on."""
    first = reports[0]["memory"]
    returns = [first["full"][age]["rooms"] for age in AGES]
    rows = [
        f"| kept, {reports[0]['slots']} slots a layer | new rooms | " + " | ".join(f"{age} frames ago ({n})" for age, n in zip(AGES, returns, strict=True)) + " |",
        "|---|" + "---|" * (len(AGES) + 1),
    ]
    merged = {name: ages for report in reports for name, ages in report["memory"].items()}
    for name, ages in merged.items():
        shares = [f"{ages[age]['attributes']:.3f}" for age in ("new", *AGES)]
        rows.append(f"| {name} | " + " | ".join(shares) + " |")
    return rows


def attribute_rows(reports: list[dict[str, Any]], policy: str) -> list[str]:
    """What of a room came back under one policy, by age."""
    names = ("hue", "pattern", "wall", "things", "whole", "things_invented_a_room")
    rows = ["| " + policy + " | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    merged = {name: ages for report in reports for name, ages in report["memory"].items()}
    return rows + [f"| {age} | " + " | ".join(f"{merged[policy][age][name]:.3f}" for name in names) + " |" for age in ("new", *AGES)]


def main() -> None:
    """Print the tables."""
    reports = [json.loads(Path(path).read_text().strip().splitlines()[-1]) for path in sys.argv[1:]]
    for policy in ("full", "tempcache"):
        print("\n".join(attribute_rows(reports, policy)), end="\n\n")
    print("\n".join(memory_rows(reports)), end="\n\n")
    for report in reports:
        for key in ("next_frame", "walks"):
            if key in report:
                print(key, json.dumps(report[key]))


if __name__ == "__main__":
    main()
