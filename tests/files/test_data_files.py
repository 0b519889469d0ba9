import hashlib

import pytest

from xaitutor.files import data_files


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(data_files, "DATA", tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.bin").write_bytes(b"0123456789")
    (tmp_path / "sheet.png").write_bytes(b"picture")
    (tmp_path / "SOURCES.md").write_text("text")
    (tmp_path / ".checkpoints").mkdir()
    for hidden in (".DS_Store", "models/.DS_Store", ".checkpoints/sheet.png"):
        (tmp_path / hidden).write_bytes(b"")
    data_files.write_sums()
    return tmp_path


def test_sums_are_sha256sums_own_format(data):
    digest = hashlib.sha256(b"picture").hexdigest()
    assert data_files.sums() == {"models/net.bin": hashlib.sha256(b"0123456789").hexdigest(), "sheet.png": digest}
    assert (data / "SHA256SUMS").read_text().splitlines()[1] == f"{digest}  sheet.png"


def test_sums_in_binary_mode_and_with_windows_line_ends(data):
    table = data_files.sums()
    (data / "SHA256SUMS").write_bytes(b"".join(f"{d} *{n}\r\n".encode() for n, d in table.items()))
    assert data_files.sums() == table


@pytest.mark.parametrize("path", ["models/net.bin", "sheet.png"])
def test_verify_gives_the_full_path(data, path):
    assert data_files.verify(path) == data_files.verify(data / path) == data / path


@pytest.mark.parametrize("content", [b"012345678", b"0123456780", b"", b"01234567890"])
def test_a_changed_or_cut_off_file_is_refused(data, content):
    (data / "models" / "net.bin").write_bytes(content)
    with pytest.raises(ValueError, match=rf"net\.bin was changed or cut off: it has {len(content)} bytes.*git checkout"):
        data_files.verify("models/net.bin")


def test_a_missing_file_says_what_to_do(data):
    with pytest.raises(FileNotFoundError, match="git checkout -- data.*make models"):
        data_files.verify("models/none.bin")


def test_a_file_without_a_sum_is_refused(data):
    (data / "new.bin").write_bytes(b"x")
    with pytest.raises(ValueError, match="new.bin is not in .*SHA256SUMS"):
        data_files.verify("new.bin")


def test_a_file_elsewhere_is_refused(data):
    with pytest.raises(ValueError, match="no embedded file"):
        data_files.verify(__file__)


def test_sums_missing_or_broken(data):
    (data / "SHA256SUMS").write_text("0123  sheet.png\n")
    with pytest.raises(ValueError, match="SHA256SUMS, line 1"):
        data_files.sums()
    (data / "SHA256SUMS").unlink()
    with pytest.raises(FileNotFoundError, match="SHA256SUMS is missing"):
        data_files.sums()


def test_every_embedded_file_is_what_its_sum_says():
    assert list(data_files.sums()) == data_files.embedded(), "run: python -m xaitutor.files.data_files"
    for name in data_files.embedded():
        assert data_files.verify(name).is_file()


def test_every_embedded_file_is_in_sources():
    sources = (data_files.DATA / "SOURCES.md").read_text(encoding="utf-8")
    assert [name for name in data_files.embedded() if f"`{name}`" not in sources] == []


def test_sources_name_every_photo():
    from xaitutor.networks import images

    sources = (data_files.DATA / "SOURCES.md").read_text(encoding="utf-8")
    assert [file for file in images._PHOTOS.values() if file.rpartition("/")[2] not in sources] == []


def test_git_leaves_the_bytes_of_embedded_files_alone():
    """A sum of a text file would break where git turns line ends into CRLF: it is told not to, in this folder."""
    assert "data/** -text" in (data_files.DATA.parent / ".gitattributes").read_text(encoding="utf-8").splitlines()
