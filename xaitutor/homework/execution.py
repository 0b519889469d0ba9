"""How a student's cells are run: nbgrader's way, with an end to their time and to what they print.

Each cell has its seconds, and all of them together half as much again. Where a kernel is lost (it has ended, gives no
answers, or its time is over), what was done counts; the cells that are left are not run, and get an error that says why.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_output
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade

ANSWER = 5  # seconds from a kernel's word that it has finished a cell to its answer; they come together
ROOM = 500_000  # characters that a cell may put out
ALTOGETHER = 1.5  # times the seconds of one cell

ENDED = "its code ended the Python that ran it (a crash, os._exit, or no memory left)"
SILENT = "its code made IPython give no answers"
ENDLESS = "its code does not end, and could not be interrupted"
LONG = "its cells together took longer than {:g} seconds"
WORTH_A_REMARK = {
    "CellTimeoutError": "{} did not end, and had to be interrupted",
    "StdinNotImplementedError": "{} asks for input: nobody answers here",
    "MemoryError": "{} wants more memory than there is",
}

# Without a name of ours in the notebook; and the xaitutor that is running, not one that lies beside the notebook.
RESTORE = f"""exec('''
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from xaitutor.homework import untouched
del sys.path[0]
print(*untouched.restore(namespace))
''', {{"namespace": globals()}})"""


class Run(Execute):
    """Runs one notebook; then `remarks` says what was odd."""

    def __init__(self, seconds: int):
        super().__init__(timeout=seconds, iopub_timeout=max(1, seconds // 4), shutdown_kernel="immediate")
        self.timeout_func = lambda cell: max(1, min(seconds, round(self.end - time.monotonic())))
        self.lost, self.cut, self.names, self.replaced = "", [], {}, set()

    def preprocess(self, nb, resources, km=None):
        self.end = time.monotonic() + ALTOGETHER * self.timeout
        return super().preprocess(nb, resources, km)

    def preprocess_cell(self, cell, resources, index):
        """Run a cell, or say in it why it was not run."""
        self.room = ROOM
        if not self.lost and time.monotonic() > self.end:
            self.lost = LONG.format(ALTOGETHER * self.timeout)
        if not self.lost:
            self._try(cell, resources, index)
        if cell.cell_type == "code":
            self._note(cell)
            if self.lost:
                why = f"Not run: {self.lost}"
                cell.outputs.append(new_output("error", ename="NotRun", evalue=self.lost, traceback=[why]))
        return cell, resources

    def remarks(self) -> list[str]:
        """What a teacher should know of the run."""
        found = [f"{self.lost}: what came after it was not run"] if self.lost else []
        found += [WORTH_A_REMARK[error].format(_listed(names)) for error, names in self.names.items()]
        found += [f"{_listed(self.cut)} put out too much: the rest of it was left away"] if self.cut else []
        replaced = ", ".join(sorted(self.replaced))
        return found + [f"its code replaced {replaced}: the original was used in the tests"] * bool(replaced)

    def process_message(self, msg, cell, cell_index):
        """nbclient's, for as much as there is room; and an answer is not waited for longer than it can take."""
        content = msg["content"]
        if content.get("execution_state") == "idle":
            asyncio.get_running_loop().call_later(ANSWER, self._no_answer, self.task_poll_for_reply)
        elif msg["msg_type"] == "error":  # always kept: it costs the points
            content["evalue"] = content["evalue"][:ROOM]
            content["traceback"] = [line[:ROOM] for line in content["traceback"]]
        elif "text" in content or "data" in content:
            if self.room < 0:
                return None
            self._shorten(content)
        return super().process_message(msg, cell, cell_index)

    def _try(self, cell, resources, index) -> None:
        try:
            if index == 0 or is_grade(cell):
                self._restore(cell, index)
            super().preprocess_cell(cell, resources, index)
        except DeadKernelError:
            self.lost = self.lost or ENDED
        except CellTimeoutError:
            self.lost = ENDLESS

    def _restore(self, cell, index: int) -> None:
        """What tests rely on is what it was. nbclient puts this one in the cell's place, and a cell of text or an empty one never back."""
        try:
            ours = self.execute_cell(new_code_cell(RESTORE), index, store_history=False)
        finally:
            self.nb.cells[index] = cell
        self.replaced.update(name for output in ours.outputs for name in output.get("text", "").split())
        self.room = ROOM

    def _no_answer(self, waiting) -> None:
        if not waiting.done():
            self.lost = SILENT
            waiting.cancel()

    def _shorten(self, content: dict) -> None:
        rest = "\n… (the rest was left away)\n"
        if "text" in content:
            self.room, content["text"] = self.room - len(content["text"]), content["text"][:self.room]
            content["text"] += rest if self.room < 0 else ""
        else:
            self.room -= sum(len(str(value)) for value in content["data"].values())
            content["data"] = content["data"] if self.room >= 0 else {"text/plain": rest.strip()}

    def _note(self, cell) -> None:
        """Remember the cells that a remark will name."""
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if self.room < 0 and name not in self.cut:
            self.cut.append(name)
        for error in {output.get("ename") for output in cell.outputs} & WORTH_A_REMARK.keys():
            self.names.setdefault(error, []).append(name)


def _listed(names: list[str | None]) -> str:
    return ", ".join(sorted({f"the cell {name!r}" if name else "a cell" for name in names}))
