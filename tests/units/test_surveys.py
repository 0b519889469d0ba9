import tempfile
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torch.utils.data import Dataset, Subset, TensorDataset
from torchvision.transforms._presets import ImageClassification

from tests.helpers import fingerprint, small
from xaitutor.networks.layers import record
from xaitutor.units import checkpoints, survey, surveys

LAYERS = ("0", "1", "2", "4")  # convolution, ReLU (dead units: ties at 0), convolution, fully connected


def network(seed=0):
    """Weights and biases are small whole numbers: on pictures of 0 and 1 all sums are exact, however a batch is cut."""
    generator = torch.Generator().manual_seed(seed)
    model = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3, stride=2, padding=1),
                          nn.Flatten(), nn.Linear(20, 3)).eval()
    for parameter in model.parameters():
        parameter.data = torch.randint(-2, 3, parameter.shape, generator=generator).float()
    return model


def pictures(count, seed=0):
    return torch.randint(0, 2, (count, 3, 4, 4), generator=torch.Generator().manual_seed(seed)).float()


def brute_force(model, layer, x, k, by):
    """Everything kept and sorted in plain Python: for each unit a list of (score, index, position)."""
    with torch.no_grad():
        maps = model[:int(layer) + 1](x)
    maps = maps.reshape(*maps.shape[:2], -1, maps.shape[3] if maps.ndim == 4 else 1).double().numpy()
    answers = []
    for unit in range(maps.shape[1]):
        scores = [float(m.mean() if by == "mean" else m.max()) for m in maps[:, unit]]
        best = sorted(range(len(x)), key=lambda i: (-scores[i], i))[:k]
        answers.append([(scores[i], i, np.unravel_index(maps[i, unit].argmax(), maps[i, unit].shape)) for i in best])
    return answers


def as_lists(found):
    return [[(score, index, tuple(place)) for score, index, place in zip(*unit)]
            for unit in zip(found.scores.tolist(), found.indices.tolist(), found.positions.tolist())]


class Fragile(Dataset):
    """Counts what is fetched, and raises at item `breaks` once."""

    def __init__(self, x, breaks=None, error=OSError):
        self.x, self.breaks, self.error, self.fetched = x, breaks, error, []

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        if i == self.breaks:
            self.breaks = None
            raise self.error("broken off")
        self.fetched.append(i)
        return self.x[i], i % 3


@given(st.integers(1, 30), st.data(), st.sampled_from(LAYERS), st.sampled_from(["mean", "max"]), st.integers(0, 10**6))
def test_equal_to_a_brute_force_for_any_batch_size(count, data, layer, by, seed):
    k, batch_size = data.draw(st.integers(1, count)), data.draw(st.integers(1, count + 3))
    model, x = network(seed), pictures(count, seed)
    x[count // 2] = x[0]  # a tie in every unit
    found = survey(model, layer, TensorDataset(x), k, by, batch_size=batch_size)
    assert as_lists(found) == brute_force(model, layer, x, k, by)
    assert found.layer == layer and found.grid == {"0": (4, 4), "1": (4, 4), "2": (2, 2), "4": None}[layer]


@settings(max_examples=30)
@given(st.integers(2, 25), st.data(), st.sampled_from(LAYERS), st.sampled_from([OSError, KeyboardInterrupt]))
def test_an_interrupted_survey_goes_on(count, data, layer, error):
    batch_size, breaks = data.draw(st.integers(1, 9)), data.draw(st.integers(1, count - 1))
    k, other = data.draw(st.integers(1, count)), data.draw(st.integers(1, 9))
    model, dataset = network(), Fragile(pictures(count), breaks, error)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(surveys, "KNOWN_PICTURES", 1)
        cache = Path(folder) / "found"
        with pytest.raises(error):
            survey(model, layer, dataset, k, cache=cache, batch_size=batch_size)
        resumed = survey(model, layer, dataset, k, cache=cache, batch_size=other)
        done = breaks // batch_size * batch_size  # whole batches are kept
        times = [dataset.fetched.count(i) for i in range(1, count)]  # the first is looked at besides
        assert times == [2 if done <= i < breaks else 1 for i in range(1, count)]
        again = survey(model, layer, Fragile(dataset.x), k, cache=cache)
        assert [p.name for p in Path(folder).iterdir()] == ["found"]
    straight = survey(model, layer, dataset, k)
    assert as_lists(resumed) == as_lists(again) == as_lists(straight)
    assert resumed.grid == again.grid == straight.grid


def test_a_complete_survey_answers_at_once(tmp_path):
    model, dataset = network(), Fragile(pictures(20))
    found = survey(model, "2", dataset, cache=tmp_path / "found")
    dataset.fetched.clear()
    passes = []
    handle = model.register_forward_hook(lambda *_: passes.append(1))
    again = survey(model, "2", dataset, cache=tmp_path / "found")
    handle.remove()
    assert as_lists(again) == as_lists(found) and not passes
    assert dataset.fetched == sorted({i * 19 // 15 for i in range(16)})  # is it still the same data set?


@pytest.mark.parametrize("seconds, writes", [(0, 5), (1000, 2)])
def test_the_state_is_written_every_so_often_and_at_the_end(monkeypatch, tmp_path, seconds, writes):
    done, write = [], checkpoints.write
    monkeypatch.setattr(surveys, "SECONDS_BETWEEN_SAVES", seconds)
    monkeypatch.setattr(checkpoints, "write", lambda *a: (done.append(a[2]["done"]), write(*a)))
    survey(network(), "0", TensorDataset(pictures(18)), cache=tmp_path / "found", batch_size=4)
    assert len(done) == writes and done[0] == 4 and done[-1] == 18


def test_writing_that_is_broken_off_leaves_the_old_file(monkeypatch, tmp_path):
    path = tmp_path / "found"
    checkpoints.write(path, {"a": 1}, {"done": 3})
    before = path.read_bytes()

    def fail(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("os.replace", fail)
        checkpoints.write(path, {"a": 1}, {"done": 4})
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    assert checkpoints.read(path, {"a": 1}) == {"done": 3}


# The cache of somebody else


HALF = ImageClassification(crop_size=4, resize_size=4, mean=(0.5,) * 3, std=(0.5,) * 3)
THIRD = ImageClassification(crop_size=4, resize_size=4, mean=(0.3,) * 3, std=(0.5,) * 3)


@pytest.mark.parametrize("changed, named", [
    (dict(layer="2"), r"layer \(0 there, 2 here\)"),
    (dict(k=2), r"k \(3 there, 2 here\)"),
    (dict(by="max"), r"by \(mean there, max here\)"),
    (dict(model=network(1)), "another model"),
    (dict(dataset=TensorDataset(pictures(11))), r"number of pictures \(10 there, 11 here\)"),
    (dict(dataset=TensorDataset(pictures(10, seed=1))), "another data set"),
    (dict(preprocess=THIRD), r"another preprocess .*0\.5.*there.*0\.3.*here"),
    (dict(preprocess=None), r"another preprocess .*None here"),
    (dict(k=2, by="max"), r"by \(mean there, max here\) and another k"),
])
def test_a_cache_of_another_survey(tmp_path, changed, named):
    mine = dict(model=network(), layer="0", dataset=TensorDataset(pictures(10)), k=3, by="mean", preprocess=HALF)
    survey(**mine, cache=tmp_path / "found")
    before = (tmp_path / "found").read_bytes()
    with pytest.raises(ValueError, match=named):
        survey(**mine | changed, cache=tmp_path / "found")
    assert (tmp_path / "found").read_bytes() == before


def scaled(x):
    return 2 * x - 1


def mirrored(x):
    return 2 * x.flip(-1) - 1


class Composed:
    """Like torchvision's Compose: what it does stands in no attribute that a file could read."""

    def __init__(self, *steps):
        self.steps = steps

    def __call__(self, x):
        for step in self.steps:
            x = step(x)
        return x


def the_last_is_another(count):
    x = pictures(count)
    x[-1] = 1 - x[-1]
    return x


@pytest.mark.parametrize("changed, named", [
    (dict(preprocess=mirrored), "another preprocess"), (dict(preprocess=Composed(scaled, mirrored)), "another preprocess"),
    (dict(preprocess=None), "another preprocess"), (dict(dataset=TensorDataset(the_last_is_another(40))), "another data set"),
])
@pytest.mark.parametrize("mine", [scaled, Composed(scaled)])
def test_a_cache_knows_by_content_what_it_depends_on(tmp_path, mine, changed, named):
    given = dict(model=network(), layer="0", dataset=TensorDataset(pictures(40)), k=3, preprocess=mine)
    first = survey(**given, cache=tmp_path / "found")
    with pytest.raises(ValueError, match=named):
        survey(**given | changed, cache=tmp_path / "found")
    again = survey(**given | {"preprocess": Composed(scaled)}, cache=tmp_path / "found") if isinstance(mine, Composed) else survey(**given, cache=tmp_path / "found")
    assert as_lists(again) == as_lists(first)


def test_two_networks_of_the_same_layers_with_another_forward(tmp_path):
    class Doubled(nn.Sequential):
        def forward(self, x):
            return super().forward(2 * x)

    model, other = network(), Doubled(*network())
    other.__class__.__name__ = "Sequential"  # so that they even print the same
    other.load_state_dict(model.state_dict())
    survey(model, "0", TensorDataset(pictures(10)), cache=tmp_path / "found")
    assert str(other.eval()) == str(model)
    with pytest.raises(ValueError, match="another model"):
        survey(other, "0", TensorDataset(pictures(10)), cache=tmp_path / "found")


def test_paths_are_pictures_too(tmp_path):
    arrays = [(255 * picture).byte().permute(1, 2, 0).numpy() for picture in pictures(6)]
    for i, array in enumerate(arrays):
        Image.fromarray(array).save(tmp_path / f"{i}.png")
    found = survey(network(), "0", [tmp_path / f"{i}.png" for i in range(6)], 3)
    assert as_lists(found) == as_lists(survey(network(), "0", pictures(6), 3))


def test_a_layer_of_the_same_weights_that_strides_is_another_model(tmp_path):
    model = network()
    survey(model, "0", TensorDataset(pictures(10)), cache=tmp_path / "found")
    model[0].stride = (2, 2)
    with pytest.raises(ValueError, match="another model"):
        survey(model, "0", TensorDataset(pictures(10)), cache=tmp_path / "found")


@pytest.mark.parametrize("spoil", [
    lambda b: b[:-1], lambda b: b"", lambda b: b[:200] + bytes([b[200] ^ 1]) + b[201:], lambda b: b"a photo",
])
def test_a_broken_cache(tmp_path, spoil):
    path = tmp_path / "found"
    survey(network(), "0", TensorDataset(pictures(10)), cache=path)
    path.write_bytes(broken := spoil(path.read_bytes()))
    with pytest.raises(ValueError, match="found' is broken .* delete it"):
        survey(network(), "0", TensorDataset(pictures(10)), cache=path)
    assert path.read_bytes() == broken


def test_a_cache_that_cannot_be(tmp_path):
    dataset = Fragile(pictures(10))
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere; make it first"):
        survey(network(), "0", dataset, cache=tmp_path / "nowhere" / "found")
    with pytest.raises(ValueError, match="is a folder"):
        survey(network(), "0", dataset, cache=tmp_path)
    assert len(dataset.fetched) <= 2 * len(dataset)  # found before the long pass


# One pass, and little memory


def test_one_pass_and_what_earlier_batches_put_out_is_let_go(monkeypatch):
    model, dataset, alive, sizes = network(), Fragile(pictures(40)), [], []
    layer_of, merge = surveys._activation, surveys._merge

    def watched(*arguments):
        assert not [r for r in alive if r() is not None], "an earlier batch's activations are still held"
        assert max(dataset.fetched) < 4 * (len(alive) + 1)  # fetched when needed, not before
        activation = layer_of(*arguments)
        alive.append(weakref.ref(activation))
        return activation

    def measured(*arguments):
        state = merge(*arguments)
        kept = (state.scores, state.indices, state.places)
        sizes.append(max(values.untyped_storage().nbytes() for values in kept))
        return state

    monkeypatch.setattr(surveys, "_activation", watched)
    monkeypatch.setattr(surveys, "_merge", measured)
    passes = []
    handle = model.register_forward_hook(lambda _, x, __: passes.append(len(x[0])))
    survey(model, "0", dataset, 3, batch_size=4)
    handle.remove()
    assert passes == [4] * 10 and dataset.fetched == list(range(40))
    assert max(sizes) == 4 * 3 * 8  # units · k numbers of eight bytes, however many pictures


@pytest.mark.parametrize("count", [499, 500])
def test_progress_is_shown_for_many_pictures(capsys, count):
    x = TensorDataset(pictures(count))
    survey(network(), "0", x, batch_size=100, progress=False)
    assert capsys.readouterr().err == ""
    survey(network(), "0", x, batch_size=100)
    assert ("surveying 0" in capsys.readouterr().err) == (count == 500)


# Data sets


class AtOnce(TensorDataset):
    def __getitems__(self, indices):
        self.asked = [*getattr(self, "asked", []), indices]
        return [(self.tensors[0][i],) for i in indices]

    def __getitem__(self, i):
        raise AssertionError("one by one is slower")


def test_kinds_of_data_sets():
    x = pictures(10)
    array = (x.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
    expected = as_lists(survey(network(), "2", TensorDataset(x)))
    at_once = AtOnce(x)
    photos = [(Image.fromarray(a), "a label") for a in array]
    for dataset in (x, list(x), array, photos, at_once, Subset(TensorDataset(x), range(10)), x.double()):
        assert as_lists(survey(network(), "2", dataset, batch_size=4)) == expected
    assert at_once.asked == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_preprocess_comes_before_the_model():
    x = pictures(10)
    expected = survey(network(), "2", TensorDataset((x - 0.5) / 0.5))
    assert as_lists(survey(network(), "2", TensorDataset(x), preprocess=HALF)) == as_lists(expected)


def test_the_models_own_type():
    found = survey(network().double(), "0", TensorDataset(pictures(10)))
    assert found.scores.dtype == torch.float64
    assert as_lists(found) == brute_force(network(), "0", pictures(10), 9, "mean")


def test_a_deep_network_against_one_stored_pass():
    model, x = small("resnet18").double(), torch.rand(12, 3, 32, 32, dtype=torch.float64)
    layer = "layer3.1.bn2"  # before the ReLU, so that no two are equal
    with record(model, layer) as activations, torch.no_grad():
        model(x)
    scores, indices = activations[layer].mean((2, 3)).T.topk(4)
    found = survey(model, layer, x, 4, batch_size=5)
    np.testing.assert_allclose(found.scores, scores, rtol=1e-9)
    assert torch.equal(found.indices, indices)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("gradients", [False, True])
def test_the_model_stays_as_it_is(frozen, gradients):
    model = network().requires_grad_(not frozen)
    before = fingerprint(model)
    with torch.set_grad_enabled(gradients):
        found = survey(model, "2", TensorDataset(pictures(10).requires_grad_()))
        with pytest.raises(OSError, match="broken off"):
            survey(model, "2", Fragile(pictures(10), 7), batch_size=2)
    assert not found.scores.requires_grad and fingerprint(model) == before


# What is refused


MIXED = [torch.rand(3, 4, 4)] * 5 + [torch.rand(3, 4, 5)] + [torch.rand(3, 4, 4)] * 4
POISON = [torch.rand(3, 4, 4)] * 7 + [torch.full((3, 4, 4), float("nan"))] * 3


@pytest.mark.parametrize("changed, error, message", [
    (dict(layer="9"), ValueError, "no layer '9'"),
    (dict(layer="3"), None, None),
    (dict(by="median"), ValueError, "by must be 'mean' or 'max', not 'median'"),
    (dict(k=0), ValueError, "k must be between 1 and the number of pictures, 10, not 0"),
    (dict(k=11), ValueError, "k must be between 1 and the number of pictures, 10, not 11"),
    (dict(batch_size=0), ValueError, "batch_size must be at least 1, not 0"),
    (dict(model=network().train()), ValueError, r"training mode.*model\.eval\(\)"),
    (dict(dataset=[]), ValueError, "the data set is empty"),
    (dict(dataset=iter([1])), TypeError, r"a data set with a length and dataset\[i\], not list_iterator"),
    (dict(dataset=MIXED), ValueError, r"different size: dataset\[5\] is \(3, 4, 5\), the first one \(3, 4, 4\)"),
    (dict(dataset=MIXED, batch_size=5), ValueError, r"different size: dataset\[5\]"),
    (dict(dataset=POISON, batch_size=4), ValueError, "layer '0' outputs NaN or infinity for picture 7"),
    (dict(dataset=[(3, torch.rand(3, 4, 4))] * 10), ValueError, r"dataset\[0\] is not, .* a picture"),
    (dict(dataset=[torch.rand(1, 3, 4, 4)] * 10), ValueError, r"expected a picture .* shape \(1, 3, 4, 4\)"),
    (dict(dataset=(pictures(10) * 255).byte()), ValueError, r"values in \[0, 1\], got torch.uint8"),
    (dict(dataset=pictures(10) * 255, preprocess=HALF), ValueError, r"values in \[0, 1\], got one from 0 to 255"),
])
def test_bad_input(changed, error, message):
    given = dict(model=network(), layer="0", dataset=TensorDataset(pictures(10)), batch_size=32) | changed
    if error is None:  # flatten gives one number for each channel and place: units like any
        assert survey(**given).scores.shape == (20, 9)
        return
    with pytest.raises(error, match=message):
        survey(**given)


def test_a_layer_without_units():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(2)).eval()
    with pytest.raises(ValueError, match=r"layer '1' outputs \(10, 4, 4\); it has no axis of channels"):
        survey(model, "1", TensorDataset(pictures(10)))


def test_pictures_that_depend_on_their_neighbours(tmp_path):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)).eval()
    x = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match="batch norm '1' keeps no running statistics; ask it with batch_size=1"):
        survey(model, "1", x, 2)
    with torch.no_grad():
        alone = torch.stack([model(one[None])[0].mean(dim=(1, 2)) for one in x])
    assert torch.allclose(survey(model, "1", x, 2, batch_size=1).scores, alone.sort(dim=0, descending=True).values[:2].T, atol=1e-6)
