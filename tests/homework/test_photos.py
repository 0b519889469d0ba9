"""xaitutor.homework.find_photo: the student's photo, whatever it is called, and a word about it."""

import pytest

from xaitutor.homework import find_photo


@pytest.mark.parametrize("names, chosen, said", [
    ([], "menagerie/zebra", "There is no photo in this folder, so menagerie/zebra is taken."),
    (["notes.txt", "part_3.ipynb", ".hidden.jpg"], "menagerie/zebra", "There is no photo"),
    (["my_photo.JPG"], "my_photo.JPG", "Your photo: my_photo.JPG"), (["IMG_1.jpeg"], "IMG_1.jpeg", "Your photo: IMG_1.jpeg"),
    (["a.png", "My_Photo.webp", "b.jpg"], "My_Photo.webp", "Your photo: My_Photo.webp, of 3 pictures"),
    (["IMG_2.HEIC"], "menagerie/zebra", "IMG_2.HEIC cannot be read: save it as JPEG, under the name my_photo.jpg"),
    (["IMG_2.HEIC", "cat.png"], "cat.png", "Your photo: cat.png")])
def test_the_photo_is_found_and_named(tmp_path, capsys, names, chosen, said):
    for name in names:
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    found = find_photo("menagerie/zebra", tmp_path)
    assert found in (chosen, str(tmp_path / chosen)) and said in capsys.readouterr().out
