import numpy as np
import pytest
import torch
from torch import nn

from xaitutor.truth import cache, coalitions, drawing, networks
from xaitutor.truth.coalitions import coalition_values, with_background
from xaitutor.truth.shapley import shapley_values


def test_what_all_regions_are_worth_adds_up(cast, judged):
    values = coalition_values(judged, [s.scene for s in cast])
    assert values.shape == (2, len(cast), 12, 64)
    np.testing.assert_allclose(shapley_values(values).sum(axis=-1), values[..., -1] - values[..., 0], atol=1e-5)


def test_the_values_are_the_logits_of_the_drawn_scenes(cast, judged):
    scene = cast[1].scene
    values = coalition_values(judged, [s.scene for s in cast])[0, 1]
    network = judged[0]

    def logits(*scenes):
        with torch.no_grad():
            return network.model(network.inputs(np.stack([s.render().image for s in scenes]))).double().mean(dim=0).numpy()

    np.testing.assert_allclose(values[:, 63], logits(scene), atol=1e-3)
    np.testing.assert_allclose(values[:, 63 ^ 16], logits(scene.without("head")), atol=1e-3)
    elsewhere = [scene.replace(place=place) for place in drawing.elsewhere(scene)]
    np.testing.assert_allclose(values[:, 31], logits(*elsewhere), atol=1e-3)
    np.testing.assert_allclose(values[:, 1], logits(*(e.without("tail", "body", "neck", "head") for e in elsewhere)), atol=1e-3)


def test_a_missing_background_is_the_mean_over_other_places():
    by_place = np.arange(3 * 32.0).reshape(3, 32)
    values = with_background(by_place)
    assert np.array_equal(values[32:], by_place[0]) and np.array_equal(values[:32], by_place[1:].mean(axis=0))


class Brightness(nn.Module):
    """Twelve logits of the mean colour alone: class 0 the red, all others nothing."""

    def forward(self, x):
        return torch.cat([x[:, :1].mean(dim=(2, 3)), torch.zeros(len(x), 11)], dim=1)


def test_one_of_ones_own_is_not_kept(cast, monkeypatch):
    own = networks.network(Brightness())
    pictures = np.random.default_rng(0).integers(0, 255, (3, 32, 128, 128, 3), dtype=np.uint8)
    drawn = []
    monkeypatch.setattr(drawing, "draw", lambda scenes: (drawn.append(1) or pictures for _ in scenes))
    first, second = (coalition_values([own], [cast[0].scene]) for _ in range(2))
    assert len(drawn) == 2
    np.testing.assert_allclose(first, second, atol=1e-6)
    red = ((pictures[..., 0] / 255 - 0.57) / 0.21).mean(axis=(2, 3))
    np.testing.assert_allclose(first[0, 0, 0, 32:], red[0], atol=1e-4)
    np.testing.assert_allclose(first[0, 0, 0, :32], red[1:].mean(axis=0), atol=1e-4)
    assert not first[0, 0, 1:].any()


def test_what_is_known_is_not_drawn_again(cast, judged, true, monkeypatch):
    monkeypatch.setattr(drawing, "coalitions", None)
    kept = coalition_values(judged, [s.scene for s in cast])
    assert kept.shape[1] == len(cast)
    other = networks.Network("other", judged[0].model, judged[0].preprocess, "other weights")
    for changed in ({"others": 3}, {"seed": 1}):
        with pytest.raises(TypeError):  # there is nothing to draw with
            coalition_values(judged, [cast[0].scene], **changed)
    with pytest.raises(TypeError):
        coalition_values([other], [cast[0].scene])
    with pytest.raises(TypeError):
        coalition_values(judged, [cast[0].scene.replace(light=1.01)])


def test_a_broken_file_is_made_anew(cast, judged, true):
    kept = coalition_values(judged[:1], [cast[0].scene])
    name = coalitions._name(judged[0], cast[0].scene, (cast[0].scene.place, *drawing.elsewhere(cast[0].scene)))
    path = cache.FOLDER / "values" / f"{name}.npz"
    path.write_bytes(path.read_bytes()[:2000])
    np.testing.assert_allclose(coalition_values(judged[:1], [cast[0].scene]), kept, atol=1e-4)
    assert cache.read("values", name)["logits"].shape == (12, 3, 32)
