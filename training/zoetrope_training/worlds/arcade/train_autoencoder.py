"""Train the autoencoder of `arcade` on states drawn at random.

Run: `training/run arcade autoencoder --budget-seconds 1560`, then
`training/run arcade autoencoder --decoder --budget-seconds 4050`
"""

from __future__ import annotations

import time

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ...autoencoder import Autoencoder, AutoencoderConfig, reconstruction_loss
from ...precision import mixed_precision
from ...training import Training, seeded, training_flags
from . import SHELF, rules
from .render import render
from .rules import State

FRAMES = 24
"""Whole pictures a step draws; crops are taken around their objects."""
CROP = 6
"""Cells in each direction of a crop."""
WHOLE_SHARE = 0.3
"""Share of the budget, at its end, that trains on whole pictures."""
ROUNDING_FROM = 0.35
"""Share of the budget after which latents are rounded instead of blurred."""
PEAK_RATE = 2e-3
OBJECT_WEIGHT = 8.0
HALO = 2
"""Pixels around an object that count like the object, so that poses differ in outline too."""
WRONG_CODES = 0.002
"""Chance that a code the decoder alone learns from is off by one level."""


def scattered(batch: int, generator: torch.Generator) -> State:
    """States drawn far more widely than play visits them: anything anywhere, a third of the players each standing,
    rising and falling.
    """
    draw = lambda low, high: torch.randint(low, high, (batch,), generator=generator)
    base = rules.initial(batch, generator)
    tops = torch.tensor([top for _, _, top in rules.PLATFORMS])
    lefts = torch.tensor([max(left, 0) for left, _, _ in rules.PLATFORMS])
    rights = torch.tensor([min(right, rules.SIZE) for _, right, _ in rules.PLATFORMS])
    on = draw(0, len(rules.PLATFORMS))
    stands, rises = draw(0, 3) == 0, draw(0, 2) == 0
    along = lefts[on] + (torch.rand(batch, generator=generator) * (rights - lefts)[on]).long() - 5
    x = torch.where(stands, along, draw(0, rules.SIZE)).clamp(0, rules.SIZE - rules.PLAYER_W)
    x = x // 2 * 2
    y = torch.where(stands, tops[on] - rules.PLAYER_H, draw(rules.CEILING, 101) // 2 * 2)
    up, down = draw(rules.JUMP // 2, 0) * 2, draw(1, rules.FALL_LIMIT // 2 + 1) * 2
    vy = torch.where(stands, 0, torch.where(rises, up, down))
    fade = torch.where(draw(0, 10) < 3, draw(0, rules.FADE + 1), 0)
    return State(**{
        **base.__dict__, "x": x, "y": y, "vy": vy, "facing": draw(0, 2) * 2 - 1, "fade": fade,
    })


def crops(picture: Tensor, covered: Tensor, state: State, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Cut one crop around each object of each picture, and one anywhere.

    Returns:
        pictures [n, 3, 8 * CROP, 8 * CROP], masks [n, 8 * CROP, 8 * CROP], cells [n, 2] (row, column).
    """
    spots = torch.tensor(rules.SPOTS)[state.spot]
    row = lambda value: torch.full_like(state.x, value)
    anywhere = torch.randint(0, rules.SIZE, (len(state.x), 2), generator=generator)
    corners = [
        (state.x, state.y), (state.x, state.y), (spots[:, 0], spots[:, 1]), (state.slime_x, row(rules.SLIME_Y)),
        (state.bat_x, row(rules.BAT_Y)), (anywhere[:, 0], anywhere[:, 1]),
    ]
    x, y = (torch.cat([corner[axis] for corner in corners]) for axis in (0, 1))
    jitter = torch.randint(-2, 1, (len(x), 2), generator=generator)
    last = rules.SIZE // 8 - CROP
    at = torch.stack([y // 8 + jitter[:, 0] - 1, x // 8 + jitter[:, 1] - 1], 1).clamp(0, last)
    span = torch.arange(8 * CROP)
    rows, columns = 8 * at[:, 0, None] + span, 8 * at[:, 1, None] + span
    which = torch.arange(len(state.x)).repeat(len(corners))[:, None, None]
    cut = picture[which, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
    return cut, covered[which, rows[:, :, None], columns[:, None, :]], at


@torch.no_grad()
def misread(model: Autoencoder, picture: Tensor, at: Tensor | None, generator: torch.Generator) -> Tensor:
    """Codes of pictures, a few of them off by one level, as a world model's may be; arguments as `Encoder.forward`."""
    latent = model.encoder(picture, at).float()
    step = 2 / (model.config.levels - 1)
    nudge = (torch.randint(0, 2, latent.shape, generator=generator) * 2 - 1) * step
    wrong = torch.rand(latent.shape, generator=generator) < WRONG_CODES
    return torch.where(wrong, (latent + nudge).clamp(-1, 1), latent)


def psnr(output: Tensor, picture: Tensor) -> float:
    """Peak signal to noise, dB, of pictures in [0, 1]."""
    return float(-10 * torch.log10((output.clamp(0, 1) - picture).square().mean()))


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    parser = training_flags(__doc__, budget_seconds=600, unit="seconds")
    parser.add_argument("--decoder", action="store_true", help="go on with the decoder alone; codes stay what they are")
    flags = parser.parse_args()
    generator = seeded(flags)
    model = Autoencoder(AutoencoderConfig()).to(memory_format=torch.channels_last)
    trained = model.decoder if flags.decoder else model
    optimiser = torch.optim.AdamW(trained.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=1e-4)
    marks = {"decoder": flags.decoder}
    training = Training(SHELF, "autoencoder.pt", {"model": model}, optimiser, flags, generator, marks=marks, clock=time.monotonic)
    budget = training.budget

    while training.goes_on():
        state = scattered(FRAMES, generator)
        picture, covered = render(state, mask=True)
        at = None
        if budget.progress < 1 - WHOLE_SHARE:
            picture, covered, at = crops(picture, covered, state, generator)
        near = F.max_pool2d(covered[:, None].float(), 2 * HALO + 1, stride=1, padding=HALO)
        weight = 1 + OBJECT_WEIGHT * near
        with mixed_precision():
            layout = picture.contiguous(memory_format=torch.channels_last)
            if flags.decoder:
                output = model.decoder(misread(model, layout, at, generator), at)
            else:
                output = model(layout, at, rounds=budget.progress > ROUNDING_FROM)
        loss = reconstruction_loss(output.float(), picture, weight)
        training.descend(loss)
        if training.is_at(50):
            training.say(f"loss {loss.item():.4f} psnr {psnr(output.detach().float(), picture):.2f}")
        if training.keep_if_due():
            _strip(model, generator)


def _strip(model: Autoencoder, generator: torch.Generator) -> None:
    """Real above reconstructed, eight states, as a picture in the run's folder."""
    with torch.no_grad():
        picture = render(scattered(8, generator))
        rows = torch.cat([torch.cat(list(p), -1) for p in (picture, model(picture).clamp(0, 1))], 1)
    Image.fromarray((rows * 255).byte().permute(1, 2, 0).numpy()).save(SHELF.runs / "autoencoder.png")


if __name__ == "__main__":
    main()
