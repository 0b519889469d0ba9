"""xaitutor.networks.folders: a folder is read as far as it can be, and what cannot be read is named."""

import pytest
import torch

from xaitutor import folders, images


def picture(path, size=(20, 16)):
    path.parent.mkdir(parents=True, exist_ok=True)
    images.load_image("cat").resize(size).save(path)


def preprocess(image):
    return images.to_tensor(image)[0]


def test_what_can_be_read_is_read_and_the_rest_is_named(tmp_path, capsys):
    for name in ("b.png", "a/c.JPG", "a/d.jpeg", "a/.hidden.png"):
        picture(tmp_path / name)
    (tmp_path / "half.jpg").write_bytes((tmp_path / "a/c.JPG").read_bytes()[:200])
    (tmp_path / "empty.png").touch()
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "folder.png").mkdir()
    pictures = folders.Folder(tmp_path, preprocess)
    assert [path.relative_to(tmp_path).as_posix() for path in pictures.paths] == ["a/c.JPG", "a/d.jpeg", "b.png"]
    assert {path.name for path in pictures.left_out} == {"half.jpg", "empty.png", "folder.png"}
    said = capsys.readouterr().out
    assert said.count("left out: ") == 3 and "is an empty file" in said and "broken or cut-off" in said


def test_it_is_a_data_set(tmp_path):
    for i in range(5):
        picture(tmp_path / f"{i}.png")
    batches = list(torch.utils.data.DataLoader(folders.Folder(str(tmp_path), preprocess), batch_size=2))
    assert [tuple(batch.shape) for batch in batches] == [(2, 3, 16, 20), (2, 3, 16, 20), (1, 3, 16, 20)]
    assert torch.equal(batches[0][0], preprocess(images.load_image(tmp_path / "0.png")))


def test_bad_input_gets_one_clear_error(tmp_path):
    with pytest.raises(NotADirectoryError, match="nowhere' is not a folder"):
        folders.Folder(tmp_path / "nowhere", preprocess)
    (tmp_path / "empty.png").touch()
    with pytest.raises(ValueError, match="there is no picture that can be read in"):
        folders.Folder(tmp_path, preprocess)
