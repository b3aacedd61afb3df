"""Train the autoencoder of `avatar` on heads drawn at random, most of all on their mouths and eyes.

Run: `training/run avatar autoencoder --budget-seconds 400`, then
`training/run avatar autoencoder --decoder --budget-seconds 800`, which may run beside the world model's training: latents
stay what they are.
"""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from ...autoencoder import Autoencoder, AutoencoderConfig, blur, reconstruction_loss
from ...training import Training, seeded, training_flags
from . import SHELF
from .canvas import MOTION
from .data import draw
from .identity import random_identities
from .motion import resting_pose
from .render import attention

PICTURES = 16
"""Pictures a step draws; crops are taken of their mouths, their eyes and anywhere."""
CROP = 7
"""Cells in each direction of a crop."""
WHOLE_SHARE = 0.25
"""Share of the budget, at its end, that trains on whole pictures."""
FACE_WEIGHT = 6.0
"""What the middle of a mouth or an eye counts more."""
PEAK_RATE = 2e-3
SMOOTH = 21
"""Latents are blurred as if they were about to be rounded to as many levels: so much error the decoder has to bear."""
CONFIG = AutoencoderConfig(linear=True)


def load_autoencoder() -> Autoencoder:
    """The trained autoencoder, frozen.

    Raises:
        FileNotFoundError: none was trained yet.
    """
    path = SHELF.find("autoencoder.pt", "run `training/run avatar autoencoder` first")
    model = Autoencoder(CONFIG)
    model.load_state_dict(torch.load(path)["model"])
    return model.eval().requires_grad_(False)


def decoded(model: Autoencoder, latent: Tensor) -> Tensor:
    """Latents, which may lie a little outside of [-1, 1], to pictures in [0, 1]; [n, C, H, W] to [n, 3, h, w]."""
    return torch.cat([model.decoder(part.clamp(-1, 1)).clamp(0, 1) for part in latent.split(64)])


def scattered_poses(count: int, generator: torch.Generator) -> Tensor:
    """Poses more widely spread than motion makes them: [count, columns]."""
    pose = resting_pose(count, generator)
    uniform = lambda: torch.rand(count, generator=generator)
    put = lambda name, value: pose.__setitem__((slice(None), MOTION.at(name)), value)
    put("opening", (1.5 * uniform() - 0.4).clamp(0, 1))
    for name in ("width", "round", "teeth", "tongue"):
        put(name, uniform())
    put("smile", 2 * uniform() - 1)
    put("brow", 2 * uniform() - 1)
    put("gaze_x", 2 * uniform() - 1)
    put("gaze_y", uniform() - 0.5)
    put("lids", torch.where(uniform() < 0.25, uniform(), 1.0))
    put("yaw", 1.4 * (uniform() - 0.5))
    put("pitch", uniform() - 0.5)
    put("y", 3.5 * uniform() - 1)
    return pose


def crops(picture: Tensor, weight: Tensor, who: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Cut the mouth, one half of the eyes' band and any place out of each picture.

    Returns:
        pictures [n, 3, 8 * CROP, 8 * CROP], weights [n, 1, ...] and cells [n, 2] (row, column) of their corners.
    """
    count, last = len(picture), picture.shape[-1] // 8 - CROP
    jitter = torch.randint(-1, 2, (2, count, 2), generator=generator)
    side = torch.randint(0, 2, (count,), generator=generator)
    mouth = torch.tensor([7, 5]) + jitter[0]
    eyes = torch.stack([4 + jitter[1, :, 0], 3 + 3 * side + jitter[1, :, 1]], 1)
    anywhere = torch.randint(0, last + 1, (count, 2), generator=generator)
    at = torch.cat([mouth, eyes, anywhere]).clamp(0, last)
    span = torch.arange(8 * CROP)
    rows, columns = 8 * at[:, 0, None] + span, 8 * at[:, 1, None] + span
    which = torch.arange(count).repeat(3)[:, None, None]
    cut = picture[which, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
    return cut, weight[which, rows[:, :, None], columns[:, None, :]][:, None], at


def psnr(output: Tensor, picture: Tensor) -> float:
    """Peak signal to noise, dB, of pictures in [0, 1]."""
    return float(-10 * torch.log10((output.clamp(0, 1) - picture).square().mean()))


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    parser = training_flags(__doc__, budget_seconds=400)
    parser.add_argument("--decoder", action="store_true", help="go on with the decoder alone")
    flags = parser.parse_args()
    generator = seeded(flags)
    model = Autoencoder(CONFIG).to(memory_format=torch.channels_last)
    trained = model.decoder if flags.decoder else model
    optimiser = torch.optim.AdamW(trained.parameters(), lr=PEAK_RATE, betas=(0.9, 0.95), weight_decay=1e-4)
    marks = {"decoder": flags.decoder}
    training = Training(SHELF, "autoencoder.pt", {"model": model}, optimiser, flags, generator, marks=marks)
    first = draw(random_identities(PICTURES, generator), scattered_poses(PICTURES, generator)).float() / 255
    if training.begins_fresh:
        model.begin_linear(first)
        print(f"principal components alone: held-out heads {survey(model):.2f} dB", flush=True)

    while training.goes_on():
        who, pose = random_identities(PICTURES, generator), scattered_poses(PICTURES, generator)
        picture = draw(who, pose).float() / 255
        weight, at = 1 + FACE_WEIGHT * attention(who, pose), None
        if training.budget.progress < 1 - WHOLE_SHARE:
            picture, weight, at = crops(picture, weight, who, generator)
        else:
            weight = weight[:, None]
        layout = picture.contiguous(memory_format=torch.channels_last)
        if flags.decoder:
            with torch.no_grad():
                latent = model.encoder.continuous(layout, at)
        else:
            latent = model.encoder.continuous(layout, at)
        output = model.decoder(blur(latent, SMOOTH), at)
        loss = reconstruction_loss(output, picture, weight)
        training.descend(loss)
        if training.is_at(25):
            training.say(f"loss {loss.item():.4f} psnr {psnr(output.detach(), picture):.2f}")
        if training.keep_if_due():
            training.say(f"held-out heads {survey(model):.2f} dB")


@torch.no_grad()
def survey(model: Autoencoder) -> float:
    """PSNR on heads that training never draws, dB; writes real above reconstructed to the run's folder."""
    generator = torch.Generator().manual_seed(77)
    who, pose = random_identities(16, generator, held_out=True), scattered_poses(16, generator)
    picture = draw(who, pose).float() / 255
    output = decoded(model, model.encoder.continuous(picture))
    rows = torch.cat([torch.cat(list(part[:8]), -1) for part in (picture, output)], 1)
    Image.fromarray((rows * 255).byte().permute(1, 2, 0).numpy()).save(SHELF.runs / "autoencoder.png")
    return psnr(output, picture)


if __name__ == "__main__":
    main()
