"""xaitutor.homework.table: rows are added, and what is there stays as it is."""

import pytest

from xaitutor.homework import table

COLUMNS = ["student", "score", "remarks"]


def test_rows_are_added_to_what_is_there(tmp_path):
    path = tmp_path / "table.csv"
    assert table.students(path, COLUMNS) == []
    table.add(path, COLUMNS, ["anna", 3, "a, b; \"c\"\nd"])
    table.add(path, COLUMNS, ["bé\udcf6n", 4.5, ""])
    assert table.students(path, COLUMNS) == ["anna", "bé\\udcf6n"]
    assert path.read_bytes().decode() == 'student,score,remarks\r\nanna,3,"a, b; ""c""\nd"\r\nbé\\udcf6n,4.5,\r\n'


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\r\n\r\n"])
def test_whatever_an_editor_made_of_it(tmp_path, ending):
    path, corrected = tmp_path / "table.csv", "\ufeffstudent,score,remarks\r\nanna,2.5,corrected" + ending
    path.write_bytes(corrected.encode())
    table.add(path, COLUMNS, ["ben", 4, ""])
    assert path.read_bytes().decode().startswith(corrected) and table.students(path, COLUMNS) == ["anna", "ben"]


@pytest.mark.parametrize("text, told", [
    ("student;score;remarks\n", "table.csv is another table: its first line is 'student;score;remarks', expected "
                                "'student,score,remarks'. Move it away, or choose another folder"),
    ("", "table.csv is another table"),
    ("student,score,remarks\nanna,3,\nben,4", "the row of 'ben' has 2 values, expected 3. Mend it, or delete it"),
])
def test_another_table_is_refused(tmp_path, text, told):
    (tmp_path / "table.csv").write_text(text, "utf-8")
    with pytest.raises(ValueError) as error:
        table.students(tmp_path / "table.csv", COLUMNS)
    assert told in str(error.value)
