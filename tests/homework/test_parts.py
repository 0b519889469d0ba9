"""Parts for a batch system, and what keeps students' code away: `grade(part=…)`, `merge`, `isolation`."""

import os
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed (the extra 'homework')")

from tests.homework.odd import posix
from xaitutor import cli, homework
from xaitutor.homework import grading, isolation, submissions, table, workers

NAMES = ["ada", "ben", "cleo", "dan", "eve"]


@pytest.fixture
def handed_in(tmp_path):
    """Of five students, who have handed in nothing that takes time."""
    for name in NAMES:
        (tmp_path / "in" / name).mkdir(parents=True)
    return tmp_path / "in"


def test_parts_are_graded_alone_and_merged_without_loss(handed_in, tmp_path, capsys):
    words = ["part_1", "--submissions", str(handed_in), "--to", str(tmp_path / "out")]
    assert cli.main(["homework", "grade", *words, "--part", "2/2", "--workers", "1"]) == 0
    assert homework.graded("part_1", tmp_path / "out" / "parts" / "2_of_2") == ["ben", "dan"]
    assert "isolation: " in capsys.readouterr().err
    assert cli.main(["homework", "merge", *words]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("2 rows added") and "3 handed in and have no row yet: ada, cleo, eve." in told.err
    by_hand = tmp_path / "out" / "part_1.csv"
    by_hand.write_text(by_hand.read_text("utf-8").replace("ben,0,", "ben,7,"), "utf-8")
    assert cli.main(["homework", "grade", *words, "--part", "1/2", "--workers", "1"]) == 0
    assert homework.merge("part_1", handed_in, tmp_path / "out") == (["ada", "cleo", "eve"], [])
    assert homework.merge("part_1", handed_in, tmp_path / "out") == ([], [])
    rows = table.rows(by_hand, grading.columns("part_1"))
    assert sorted(row["student"] for row in rows) == NAMES and rows[0]["score"] == "7"
    assert sorted(path.stem for path in (tmp_path / "out" / "feedback").iterdir()) == NAMES
    assert not [path for path in (tmp_path / "out" / "parts").rglob("*") if path.is_file()]


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "-1/2"])
def test_a_part_that_is_none_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        cli.main(["homework", "grade", "part_1", "--submissions", "x", f"--part={text}"])
    assert text in capsys.readouterr().err
    with pytest.raises(ValueError, match="counted from 1"):
        grading.into("x", (0, 3))


def test_each_submission_is_in_one_part(handed_in):
    parts = [[one.student for one in grading._submissions("part_1", handed_in, None, (k, 3))] for k in (1, 2, 3)]
    assert sorted(sum(parts, [])) == NAMES and max(map(len, parts)) - min(map(len, parts)) <= 1


def test_what_nbgrader_collected_is_known_by_student_and_assignment(tmp_path):
    for path in ("ada/part_1/part_1.ipynb", "ada/part_2/part_2.ipynb", "ben/part_2/part_2.ipynb", "cleo/part_1/mine.ipynb"):
        (tmp_path / "submitted" / path).parent.mkdir(parents=True)
        (tmp_path / "submitted" / path).write_text("{}")
    found = submissions.collected(tmp_path, "part_1")
    assert [(one.student, one.notebook.name) for one in found] == [("ada", "part_1.ipynb"), ("cleo", "mine.ipynb")]


@pytest.mark.parametrize("free, cores, most", [(100 * 2**30, 8, 8), (4 * 2**30, 8, 2), (2**20, 8, 1)])
def test_as_many_work_as_there_are_cores_and_memory_for(monkeypatch, free, cores, most):
    monkeypatch.setattr(workers, "_free", lambda: free)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)), raising=False)
    assert workers.how_many() == most
    with pytest.raises(ValueError, match="workers have to be at least 1, not 0"):
        homework.grade("part_1", "x", "y", workers=0)


def look_around(room, mine, others):
    """What code can do behind an isolation: write its room, read what is another's, write elsewhere, reach a network."""
    import socket

    def can(do):
        try:
            do()
        except OSError:
            return False
        return True

    return (can(lambda: Path(room, "x").write_text("x")), can(lambda: Path(mine).read_text()), can(lambda: Path(others).read_text()),
            can(lambda: Path(mine).write_text("mine now")), [name for _, name in socket.if_nameindex()])


@posix
@pytest.mark.parametrize("kind, network", [("BUBBLEWRAP", False), ("NOBODY", True)])
def test_what_is_kept_away(kind, network, tmp_path):
    one = getattr(isolation, kind)
    if not isolation._works(one):
        pytest.skip(f"{kind.lower()} does not work here")
    (room, shown, hidden) = (tmp_path / name for name in ("room", "shown", "hidden"))
    for folder in (room, shown, hidden):
        folder.mkdir()
        (folder / "file").write_text("a secret")
    if kind == "NOBODY":  # who reads what everybody may read
        (hidden / "file").chmod(0o600)
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(folder.stat().st_mode | 0o011)
    worker = workers.Worker(one.command(room, [shown]))
    try:
        wrote, read, secret, overwrote, interfaces = worker.do(look_around, str(room), str(shown / "file"), str(hidden / "file"))
    finally:
        worker.close()
    assert wrote and read and not secret and not overwrote
    assert network or interfaces == ["lo"]


def test_where_there_is_nothing_it_is_said(monkeypatch, capsys, handed_in, tmp_path):
    monkeypatch.setattr(isolation, "_works", lambda one: False)
    monkeypatch.setattr(isolation, "CONTAINERS", ())
    isolation.choose.cache_clear()
    try:
        assert isolation.choose().nothing and "install bubblewrap" in isolation.choose().says
        monkeypatch.setattr(isolation, "CONTAINERS", (str(tmp_path),))
        isolation.choose.cache_clear()
        assert not isolation.choose().nothing and "container" in isolation.choose().says
    finally:
        isolation.choose.cache_clear()


def test_a_link_in_a_submission_leads_nowhere(tmp_path):
    (tmp_path / "left").mkdir()
    (tmp_path / "secret").write_text("s")
    (tmp_path / "left" / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "left" / "own").write_text("o")
    assert grading._kept(tmp_path / "left", tmp_path / "left" / "link") is None
    assert grading._kept(tmp_path / "left", tmp_path / "left" / "own") == tmp_path / "left" / "own"
    assert grading._kept(tmp_path / "left", tmp_path / "left" / "nothing") is None
