"""xaitutor.homework.submissions: every layout of a folder is understood."""

import os
import sys

import pytest

from xaitutor.homework import submissions


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", "utf-8")


def test_folders_and_files(tmp_path):
    put(tmp_path, "anna/part_1.ipynb", "anna/photo.jpg", "anna/notes.ipynb", "ben/part_1 (2).ipynb", "ben/._part_1 (2).ipynb", "ben/.ipynb_checkpoints/part_1.ipynb",
        "carla.ipynb", "dora/inner/part_1.ipynb", "dora/__MACOSX/inner/._part_1.ipynb", "dora.ipynb", "eve/a.ipynb", "eve/b.ipynb", ".hidden/part_1.ipynb", "list.csv")
    found = {one.student: one for one in submissions.find(tmp_path, "part_1")}
    assert {student: one.notebook and one.notebook.relative_to(tmp_path).as_posix() for student, one in found.items()} == {
        "anna": "anna/part_1.ipynb", "ben": "ben/part_1 (2).ipynb", "carla": "carla.ipynb", "dora": "dora/inner/part_1.ipynb",
        "dora.ipynb": "dora.ipynb", "eve": None, "list.csv": None}
    assert found["anna"].remarks == found["carla"].remarks == () and found["anna"].folder == tmp_path / "anna"
    assert found["dora"].folder == tmp_path / "dora" / "inner"  # where a photo lies, too
    assert found["ben"].remarks == ("the notebook is called part_1 (2).ipynb, not part_1.ipynb",)
    assert found["eve"].remarks == ("expected one notebook part_1.ipynb; there is a.ipynb, b.ipynb",)
    assert found["list.csv"].remarks == ("list.csv is neither a notebook nor a folder",) and found["carla"].folder is None


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_unicode_can_be_written(tmp_path):
    os.mkdir(os.fsencode(tmp_path) + b"/J\xf6rg")
    assert [one.student for one in submissions.find(tmp_path, "part_1")] == ["J\\udcf6rg"]
