"""xaitutor.audit.strangers: photos are unlike what the networks of the menagerie were trained on, fresh scenes are not."""

import io
import json

import pytest
import safetensors
import torch
from PIL import Image

from tests.helpers import close
from xaitutor import images, load_model, menagerie
from xaitutor.audit import strangers
from xaitutor.files import data_files
from xaitutor.networks.models import EMBEDDED

PHOTOS = [name for name in images.samples() if not name.startswith("menagerie/")]


@pytest.fixture(scope="module")
def pictures():
    """As tensors (N, 3, 128, 128) of pixels, by kind. The scenes are of another split than those that the statistics and their limit come from."""
    photos = [images.load_image(photo).resize((256, 256)) for photo in PHOTOS]
    quarters = [photo.crop((left, top, left + 128, top + 128)) for photo in photos for left in (0, 128) for top in (0, 128)]
    scenes = [Image.fromarray(picture) for picture in menagerie.Dataset(36, "test").images(progress=False)]
    kinds = {"photos": photos, "quarters": quarters, "scenes": scenes, "JPEG": [as_jpeg(scene) for scene in scenes[:12]]}
    return {kind: torch.cat([images.to_tensor(one.resize((128, 128))) for one in some]) for kind, some in kinds.items()}


@pytest.mark.parametrize("name", EMBEDDED)
def test_photos_are_strangers_and_fresh_scenes_are_not(name, pictures):
    model, preprocess, _ = load_model(name)
    strange = {kind: strangers.strangeness(name, model, images.normalise(x, preprocess.mean, preprocess.std)) > 1 for kind, x in pictures.items()}
    assert len(strange["photos"]) == 13 and strange["photos"].all() and strange["quarters"].float().mean() > 0.9
    assert not strange["scenes"].any() and not strange["JPEG"].any()


def as_jpeg(picture):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return Image.open(file).convert("RGB")


def test_the_statistics_are_those_of_the_networks_that_are_there():
    with safetensors.safe_open(data_files.verify(strangers.FILE), "pt") as file:
        weights = json.loads(file.metadata()["weights"])
    assert weights == {name: data_files.sums()[f"models/{name}.safetensors"] for name in EMBEDDED}, "run python -m xaitutor.audit.strangers"


def test_the_distance_is_mahalanobis_and_the_limit_is_the_most_distant_of_the_fresh():
    draw = torch.Generator().manual_seed(0)
    mix = torch.randn(4, 4, generator=draw, dtype=torch.float64)
    found, fresh = ((torch.randn(n, 4, generator=draw, dtype=torch.float64) + 3) @ mix for n in (5000, 50))
    mean, whitening = strangers.fitted(found, fresh)
    mine = torch.linalg.vector_norm((fresh - mean) @ whitening, dim=1)
    assert close(mine.max(), torch.tensor(1 / strangers.MARGIN, dtype=torch.float64))
    scale = found.std(0)
    inverse = torch.linalg.inv(torch.corrcoef(found.T) + strangers.RIDGE * torch.eye(4)) / scale / scale[:, None]
    expected = torch.einsum("ni,ij,nj->n", fresh - mean, inverse, fresh - mean).sqrt()
    assert torch.allclose(mine / mine.max(), expected / expected.max(), rtol=1e-4)


def test_of_other_networks_nothing_is_known():
    with pytest.raises(ValueError, match="it is not known what 'resnet18' was trained on"):
        strangers.strangeness("resnet18", torch.nn.Identity(), torch.zeros(1, 3, 8, 8))
