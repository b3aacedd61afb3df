"""A state that is carried from block to block is attention over everything before, weighed by the gates."""

from __future__ import annotations

import torch

from zoetrope_training.linear_state import StateInputs, StateTransformer
from zoetrope_training.transformer import TransformerConfig, rotary_table

TOKENS = 4
CONFIG = TransformerConfig(2, 2, 8, 4, 10.0, 0, 2, 2, state=True)


def fresh() -> StateTransformer:
    torch.manual_seed(5)
    model = StateTransformer(CONFIG).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model


@torch.no_grad()
def carried(model: StateTransformer, x: torch.Tensor, conditioning: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """All frames of `x` [T, L, width] block by block, and the last state."""
    size = CONFIG.frames_per_block
    own = rotary_table(torch.arange(size).repeat_interleave(TOKENS), CONFIG)
    state = torch.zeros(CONFIG.layers, CONFIG.heads, CONFIG.head_dim, CONFIG.head_dim)
    answers = []
    for first in range(0, len(x), size):
        part = slice(first, first + size)
        answer, state = model.forward_state(x[part], conditioning[part], StateInputs(state, *own))
        answers.append(answer)
    return torch.cat(answers), state


def test_the_carried_state_is_the_full_recurrence() -> None:
    model = fresh()
    x, conditioning = torch.randn(80, TOKENS, CONFIG.width), torch.randn(80, CONFIG.width)
    with torch.no_grad():
        whole = model.forward_clip(x[None], conditioning[None])[0]
    made, state = carried(model, x, conditioning)
    assert (made - whole).abs().max() < 1e-4
    assert state.shape == (CONFIG.layers, CONFIG.heads, CONFIG.head_dim, CONFIG.head_dim)


def test_what_lies_far_back_still_matters_and_what_comes_later_does_not() -> None:
    model = fresh()
    x, conditioning = torch.randn(24, TOKENS, CONFIG.width), torch.randn(24, CONFIG.width)
    other = x.clone()
    other[4:6] = torch.randn(2, TOKENS, CONFIG.width)
    made, changed = carried(model, x, conditioning)[0], carried(model, other, conditioning)[0]
    assert torch.equal(made[:4], changed[:4])
    assert (made[8:10] - changed[8:10]).abs().max() > 1e-4


def test_a_closed_gate_forgets_all_that_came_before() -> None:
    model = fresh()
    with torch.no_grad():
        for layer in model.layers:
            layer.gate.weight.zero_()
            layer.gate.bias.fill_(-60)
    x, conditioning = torch.randn(8, TOKENS, CONFIG.width), torch.randn(8, CONFIG.width)
    made = carried(model, x, conditioning)[0]
    alone = carried(model, x[6:], conditioning[6:])[0]
    assert torch.allclose(made[6:], alone, atol=1e-6)
