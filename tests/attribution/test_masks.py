"""The meaningful perturbation: a mask finds what a network looks at where that is known, and keeps its own rules."""

import pytest
import torch
from torch import nn

from xaitutor import attribution
from xaitutor.attribution.masks import variation


class Corner(nn.Module):
    """Logits (s, −s), s a multiple of the mean brightness of the upper left quarter."""

    def forward(self, x):
        seen = 4 * x[:, :, :8, :8].mean(dim=(1, 2, 3))
        return torch.stack([seen, -seen], dim=1)


MODEL, X = Corner().eval(), torch.ones(2, 3, 16, 16, dtype=torch.float64)
OPTIONS = {"size": 8, "steps": 80, "jitter": 0, "fill": 0, "sparsity": 1e-3, "score": "logit"}


@pytest.mark.parametrize("mode", ["delete", "preserve"])
def test_the_mask_lies_where_the_network_looks(mode):
    found = attribution.meaningful_perturbation(MODEL, X, 0, mode=mode, **OPTIONS)
    assert found.shape == (2, 1, 8, 8) and found.min() >= 0 and found.max() <= 1
    inside, outside = found[..., :3, :3].mean(), found[..., 5:, 5:].mean()
    assert inside > 0.3 and outside < 0.1 * inside


def test_it_deletes_the_answer_and_tells_how():
    told = []
    attribution.meaningful_perturbation(MODEL, X, 0, history=told, **OPTIONS)
    assert len(told) == 80 and told[0].shape == (2,)
    assert told[0].tolist() == [4, 4] and told[-1].max() < 0.4


def test_smoothness_makes_the_mask_smooth():
    rough, smooth = (attribution.meaningful_perturbation(MODEL, X[:1], 0, smoothness=s, **OPTIONS) for s in (0, 1))
    assert variation(smooth, 3) < 0.5 * variation(rough, 3)


def test_variation_by_hand():
    mask = torch.tensor([[0.0, 1.0], [0.5, 0.5]])[None, None]
    assert variation(mask, 3).item() == pytest.approx(1 + 0 + 0.125 + 0.125)


def test_a_batch_says_the_same_as_one_by_one_and_the_same_seed_again():
    x = torch.rand(3, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    options = {"size": 4, "steps": 10, "jitter": 2}
    together = attribution.meaningful_perturbation(MODEL, x, 0, batch_size=2, **options)
    alone = torch.cat([attribution.meaningful_perturbation(MODEL, one[None], 0, **options) for one in x])
    torch.testing.assert_close(together, alone, atol=1e-9, rtol=0)
    assert torch.equal(together, attribution.meaningful_perturbation(MODEL, x, 0, batch_size=2, **options))


def test_picture_and_fill_are_shifted_together():
    """Where the fill is the picture itself no mask can change it: the network sees the picture, shifted, whatever the mask."""
    x, seen = torch.rand(1, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), []

    class Notes(Corner):
        def forward(self, x):
            seen.append(x.detach())
            return super().forward(x)

    model = Notes().eval()
    attribution.gradient(model, x, 0)
    seen.clear()  # a network of unknown parts is first asked whether pictures depend on their neighbours
    attribution.meaningful_perturbation(model, x, 0, fill=x, jitter=2, size=4, steps=12)
    shifts = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    found = [[shift for shift in shifts if torch.allclose(one, x.roll(shift, (2, 3)))] for one in seen]
    assert all(len(one) == 1 for one in found) and len({one[0] for one in found}) > 4


@pytest.mark.parametrize("options, message", [
    ({"mode": "remove"}, "mode must be 'delete' or 'preserve', not 'remove'"), ({"steps": 0}, "steps must be"), ({"size": 0}, "size must be"),
    ({"jitter": -1}, "jitter must be a whole number of pixels"), ({"fill": "white"}, "fill must be one of"),
])
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        attribution.meaningful_perturbation(MODEL, X, 0, **options)
