"""The model card of `rooms`, with the figures of its evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .level import HELD_OUT_LEVEL, TRAINING_LEVELS
from .world import CONFIG, DEFAULT_STEPS

Quality = dict[str, Any]


def table(head: list[str], rows: list[list[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def roll_out_table(scores: Quality) -> str:
    """Roll-outs against their baselines, dB."""
    rows: list[list[object]] = [[f"this model, {count} step{'s' * (count != '1')}", *row] for count, row in scores["model"].items()]
    rows += [["the last true picture, repeated", *scores["copyLast"]]]
    rows += [["this model, default steps, another walk's keys", *scores["shuffledKeys"]]]
    rows += [["the autoencoder on the true pictures (ceiling)", *scores["autoencoder"]]]
    return table(["after frames", *map(str, scores["horizons"])], rows)


def next_frame_table(quality: Quality) -> str:
    """The next picture after true ones, on both held-out sets."""
    sets = (quality["heldOutWalks"]["nextFrame"], quality["heldOutLevel"]["nextFrame"])
    steps = str(DEFAULT_STEPS)
    read = (
        ("this model, default steps", lambda s: s["model"][steps]), ("the picture before, repeated", lambda s: s["copyLast"]),
        ("another walk's keys", lambda s: s["shuffledKeys"]), ("autoencoder (ceiling)", lambda s: s["autoencoder"]),
    )
    rows: list[list[object]] = [[name, *(pick(scores) for scores in sets)] for name, pick in read]
    return table(["", "held-out walks", "held-out level"], rows)


def following_table(following: Quality) -> str:
    """What the motion probe reads."""
    rows: list[list[object]] = [
        [name, f"{100 * part['turn']:.1f} %", f"{100 * part['push']:.1f} %"] for name, part in following.items() if isinstance(part, dict)
    ]
    return table(["pictures", "turns read right", "steps read right"], rows)


def drift_table(drift: Quality) -> str:
    """Statistics along a long roll-out, generated / true."""
    def pair(segment: Quality, name: str, digits: int) -> str:
        return f"{segment['generated'][name]:.{digits}f} / {segment['true'][name]:.{digits}f}"

    rows: list[list[object]] = [
        [f"{s['frames'][0]} to {s['frames'][1]}", pair(s, "luminance", 3), pair(s, "saturation", 3), pair(s, "laplacian", 4), pair(s, "likeness", 3)]
        for s in drift["segments"]
    ]
    return table(["frames", "luminance", "saturation", "Laplacian energy", "likeness to a true view"], rows)


def write_card(path: Path, quality: Quality) -> None:
    """Write the card."""
    walks, unseen = quality["heldOutWalks"]["rollOut"], quality["heldOutLevel"]["rollOut"]
    trained, above = quality["training"], walks["framesAboveCopyLast"][str(DEFAULT_STEPS)]
    latency = quality["latency"]
    path.write_text(f"""# Rooms

A first-person walk through textured rooms, 64 x 64 pixels at 30 frames a second, steered by four keys.

**Data.** Own raycaster (`worlds/rooms/render.py`), levels {", ".join(map(str, TRAINING_LEVELS))}, four rooms each, walked by a
program that mostly goes from one random cell to another. 3 degrees and 0.05 cells a frame. Textures: Freedoom
(`NOTICE`). No picture of anyone or anything else was used.

**Networks.** Autoencoder 64 x 64 x 3 to 8 x 8 x {CONFIG.latent_channels}, not rounded. Causal encoder of
{CONFIG.transformer.layers} layers, width {CONFIG.transformer.width}, {CONFIG.tokens_per_frame} tokens a frame, window of {CONFIG.transformer.window_frames} frames.
Denoiser of {CONFIG.denoiser.depth} residual blocks, predicts the clean latent; steps by default: {DEFAULT_STEPS}.

**Training.** `training/run rooms autoencoder` ({trained["autoencoder"]["spent"]:.0f} s, {trained["autoencoder"]["step"]} steps), then
`training/run rooms world` ({trained["world"]["spent"]:.0f} s, {trained["world"]["step"]} steps), seed 1, on one thread of a two-core
x86-64 machine that other programs shared, so the seconds are an upper bound of the work.
The model was kept small so that anyone can repeat this on a laptop.

**Measured** by `training/run rooms evaluate` (all figures in `quality.json`) with the PyTorch weights the graphs were
exported from. Quality is the peak signal to noise ratio of the mean squared error over all clips, dB.

Next picture after true ones, where something moves:

{next_frame_table(quality)}

Roll-out from {walks["givenFrames"]} true pictures, {walks["clips"]} held-out walks in the trained levels:

{roll_out_table(walks)}

It stays above repeating the last true picture for {above} of 64 frames.

Roll-out in level {HELD_OUT_LEVEL}, which the model never saw ({unseen["clips"]} walks):

{roll_out_table(unseen)}

Does it do what the keys say? A network trained on true pictures reads the motion between two pictures
{quality["following"]["gapFrames"]} frames apart, where a turn or a step was due:

{following_table(quality["following"])}

A pressed key is visible (correlation with the true change above {latency["responseCorrelation"]}) in the very next frame in
{100 * latency["right"]["withinOneFrame"]:.0f} % of turns and {100 * latency["forward"]["withinOneFrame"]:.0f} % of steps; the renderer needs one frame.

Long roll-outs, {quality["drift"]["clips"]} walks, generated / true. Likeness is the correlation with the most similar of 1,600
true views; true pictures turned upside down get {quality["drift"]["likenessUpsideDown"]}:

{drift_table(quality["drift"])}

**Known failures.** It has no map and no memory beyond half a second: turn round and the room behind you may be another
one, and a pillar that leaves the picture may not come back. Walls passed closely are blurred. Positions drift from where the keys
would have led within a second or two. Walls are not solid by rule; the model has merely seen that walkers stop.
In a level it has not seen it paints the rooms it knows. After long walks colours can settle on a smear; starting
again from a start picture mends that.
""")
