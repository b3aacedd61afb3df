"""Reads a head back from a picture of it: how it is held, and a vector that says whose it is.

A small network, trained on renders of training's identities with noise and blur, because generated pictures are soft.
Run: `training/run avatar probe --budget-seconds 240`
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...training import Training, seeded, training_flags
from . import SHELF
from .canvas import MOTION, SIZE
from .data import draw
from .identity import COLOURS, IDENTITY, KINDS, random_identities
from .train_autoencoder import scattered_poses

READS = ("opening", "width", "round", "lids", "gaze_x", "gaze_y", "yaw", "pitch", "smile", "brow")
"""What of `MOTION` is read."""
SCALES = torch.tensor([4.0, 2.0, 2.0, 2.0, 1.5, 1.5, 3.0, 3.0, 1.0, 1.0])
IDENTITY_SIZE = 32
LIKENESS = ("head_width", "head_height", "taper", "eye_size", "eye_gap", "nose_width", "mouth_width")
"""Lengths that the identity vector has to know, besides colours and kinds."""
WIDTH = 96
POOL = 1536
"""People drawn before training begins, in two poses each."""
PEOPLE = 16
"""People a step looks at, in both poses."""
PEAK_RATE = 2e-3


class _Look(nn.Module):
    """Convolutions over one window of the picture, to `width` numbers."""

    def __init__(self, where: tuple[slice, slice], fold: int, width: int) -> None:
        super().__init__()
        self.where, self.fold = where, fold
        channels = (3 * fold * fold, 32, 48, 64)
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in zip(channels, channels[1:], strict=False)
        )
        rows, columns = ((part.stop - part.start) // fold // 8 for part in where)
        self.last = nn.Linear(64 * rows * columns, width)

    def forward(self, picture: Tensor) -> Tensor:
        """Look at pictures [n, 3, SIZE, SIZE] in [0, 1]: [n, width]."""
        x = F.pixel_unshuffle(picture[..., self.where[0], self.where[1]] - 0.5, self.fold)
        for layer in self.layers:
            x = F.max_pool2d(F.relu(layer(x)), 2)
        return F.relu(self.last(x.flatten(1)))


class Probe(nn.Module):
    """A picture to readings [n, len(READS)] and an identity vector [n, IDENTITY_SIZE] of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.mouth = _Look((slice(56, 112), slice(32, 96)), 2, WIDTH)
        self.eyes = _Look((slice(28, 84), slice(20, 108)), 2, WIDTH)
        self.whole = _Look((slice(0, SIZE), slice(0, SIZE)), 4, WIDTH)
        self.readings = nn.Linear(3 * WIDTH, len(READS))
        self.identity = nn.Linear(WIDTH, IDENTITY_SIZE)
        self.face = nn.Linear(WIDTH, 1)
        self.likeness = nn.Linear(IDENTITY_SIZE, 3 * len(COLOURS) + len(LIKENESS))
        self.kinds = nn.ModuleDict({name: nn.Linear(IDENTITY_SIZE, len(words)) for name, words in KINDS.items()})

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Read pictures [n, 3, SIZE, SIZE] in [0, 1]."""
        whole = self.whole(picture)
        identity = self.identity(whole)
        readings = self.readings(torch.cat([self.mouth(picture), self.eyes(picture), whole], 1))
        return readings, identity / identity.square().sum(1, keepdim=True).sqrt().clamp(min=1e-6)

    def has_face(self, picture: Tensor) -> Tensor:
        """Whether there is a face where one should be, as log-odds [n]; pictures as `forward`."""
        return self.face(self.whole(picture))[:, 0]


def motion_of(pose: Tensor) -> Tensor:
    """The columns that the probe reads, [..., len(READS)] of [..., columns of MOTION]."""
    return pose[..., [MOTION.at(name) for name in READS]]


def looks_of(who: Tensor) -> Tensor:
    """Colours and lengths about [-1, 1] of identities [n, columns]."""
    lengths = who[:, [IDENTITY.at(name) for name in LIKENESS]]
    return torch.cat([2 * who[:, : 3 * len(COLOURS)] - 1, lengths / torch.tensor([32, 40, 0.2, 6.5, 14, 4.2, 12]) - 1], 1)


def spoilt(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures as a model might make them: some soft, some noisy; [n, 3, h, w]."""
    soft = F.avg_pool2d(F.pad(picture, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(len(picture), 1, 1, 1, generator=generator) * (torch.rand(len(picture), 1, 1, 1, generator=generator) < 0.5)
    noise = 0.04 * torch.rand(len(picture), 1, 1, 1, generator=generator) * torch.randn(picture.shape, generator=generator)
    return torch.lerp(picture, soft, share) + noise


def faceless(picture: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures without a usable face, made of ones with: moved away, on their heads, in pieces, or nothing but a colour.

    Shapes: [n, 3, h, w] in and out.
    """
    side = picture.shape[-1]
    made = []
    for one in picture:
        kind, place = torch.rand(2, generator=generator).tolist()
        if kind < 0.25:
            made.append(one.roll((int((0.3 + 0.4 * place) * side), int(place * side)), (1, 2)))
        elif kind < 0.4:
            made.append(one.flip(1))
        elif kind < 0.7:
            piece = 16 if place < 0.5 else 32
            cut = one.unfold(1, piece, piece).unfold(2, piece, piece).flatten(1, 2)
            cut = cut[:, torch.randperm(cut.shape[1], generator=generator)].unflatten(1, (side // piece, -1))
            made.append(cut.permute(0, 1, 3, 2, 4).reshape(3, side, side))
        else:
            colours = torch.rand(3, 2, 2, generator=generator)
            wash = F.interpolate(colours[None], size=side, mode="bilinear")[0]
            made.append((wash + place * 0.5 * torch.randn(3, side, side, generator=generator)).clamp(0, 1))
    return torch.stack(made)


def load_probe() -> Probe:
    """The trained probe, frozen.

    Raises:
        FileNotFoundError: none was trained yet.
    """
    probe = Probe()
    probe.load_state_dict(torch.load(SHELF.find("probe.pt", "run `training/run avatar probe` first"))["model"])
    return probe.eval().requires_grad_(False)


def loss_of(probe: Probe, picture: Tensor, who: Tensor, pose: Tensor, generator: torch.Generator) -> Tensor:
    """How far readings are from the truth, and how little the identity vector knows."""
    readings, identity = probe(picture)
    loss = (SCALES * (readings - motion_of(pose)).abs()).mean() + (SCALES * (readings - motion_of(pose)).square()).mean()
    loss = loss + (probe.likeness(4 * identity) - looks_of(who)).square().mean()
    for name, head in probe.kinds.items():
        loss = loss + 0.05 * F.cross_entropy(head(8 * identity), IDENTITY.of(who, name).round().long())
    half = len(who) // 2
    seen = probe.has_face(torch.cat([picture, faceless(picture[:half], generator)]))
    loss = loss + 0.2 * F.binary_cross_entropy_with_logits(seen, (torch.arange(len(seen)) < len(picture)).float())
    likeness = identity[:half] @ identity[half:].T
    return loss + 0.2 * F.cross_entropy(likeness / 0.1, torch.arange(half))


@torch.no_grad()
def r_squared(probe: Probe, held_out: bool = True) -> dict[str, float]:
    """Share of variance that the readings explain, on renders of identities that training never draws."""
    generator = torch.Generator().manual_seed(31)
    who, pose = random_identities(256, generator, held_out=held_out), scattered_poses(256, generator)
    picture = draw(who, pose).float() / 255
    readings, true = torch.cat([probe(part)[0] for part in picture.split(64)]), motion_of(pose)
    share = 1 - (readings - true).square().sum(0) / (true - true.mean(0)).square().sum(0)
    return {name: round(float(value), 4) for name, value in zip(READS, share, strict=True)}


@torch.no_grad()
def face_check_scores(probe: Probe) -> dict[str, float]:
    """Shares of pictures with and without a face that are told right, on heads that training never draws."""
    generator = torch.Generator().manual_seed(32)
    who, pose = random_identities(128, generator, held_out=True), scattered_poses(128, generator)
    picture = draw(who, pose).float() / 255
    told = lambda part: float((probe.has_face(part) > 0).float().mean())
    return {"faces_taken": told(picture), "others_refused": 1 - told(faceless(picture, generator))}


def main() -> None:
    """Train until the budget is spent; resume from the checkpoint when there is one."""
    flags = training_flags(__doc__, budget_seconds=240).parse_args()
    generator = seeded(flags)
    probe = Probe()
    optimiser = torch.optim.AdamW(probe.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    training = Training(SHELF, "probe.pt", {"model": probe}, optimiser, flags, generator)
    people = random_identities(POOL, generator)
    poses = scattered_poses(2 * POOL, generator).unflatten(0, (2, POOL))
    pictures = torch.stack([draw(people, pose) for pose in poses])

    while training.goes_on():
        which = torch.randint(0, POOL, (PEOPLE,), generator=generator)
        picture = spoilt(pictures[:, which].flatten(0, 1).float() / 255, generator)
        loss = loss_of(probe, picture, people[which].repeat(2, 1), poses[:, which].flatten(0, 1), generator)
        training.descend(loss)
        if training.is_at(50):
            training.say(f"loss {loss.item():.4f}")
        if training.keep_if_due():
            training.say(f"R2 on held-out heads {r_squared(probe.eval())} {face_check_scores(probe)}")
            probe.train()


if __name__ == "__main__":
    main()
