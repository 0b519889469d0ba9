"""What the tests of homework share: each assignment is released once."""

import nbformat
import pytest

from xaitutor import homework


@pytest.fixture(scope="session")
def release_folder(tmp_path_factory):
    """A folder with what students get of each assignment."""
    pytest.importorskip("nbgrader", reason="nbgrader is not installed (the extra 'homework')")
    folder = tmp_path_factory.mktemp("released")
    for name in homework.names():
        homework.release(name, folder)
    return folder


@pytest.fixture(scope="session")
def released(release_folder):
    """The same as notebooks, by name."""
    return {path.stem: nbformat.read(path, as_version=4) for path in release_folder.iterdir()}
