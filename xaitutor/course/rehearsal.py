"""Before the lecture: does the live coding version run on this machine, once its lines are typed?"""

from __future__ import annotations

import time
from pathlib import Path

from xaitutor.course import versions


def rehearse(path: str | Path, seconds: int = 600) -> str:
    """Run the notebook at `path` as its lecture does, the typed lines in place, and say how many there are and how long it took.

    Raises ValueError, with the cell, where one fails or takes longer than `seconds`.
    """
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    path, begin = Path(path), time.monotonic()
    source = nbformat.read(path, as_version=4)
    typed = typed_in(source)
    client = NotebookClient(typed, kernel_name="python3", timeout=seconds, extra_arguments=["--log-level=ERROR"],
                            resources={"metadata": {"path": str(path.parent)}})
    client.create_kernel_manager().kernel_spec_manager = KernelSpecManager(kernel_dirs=[])  # this very Python
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise ValueError(f"{path}: cell In [{client.code_cells_executed}] fails: {getattr(error, 'ename', '')} {getattr(error, 'evalue', error)}") from None
    return f"{path.name}: {versions.typed_lines(source)} lines to type; with them it runs, in {time.monotonic() - begin:.0f} s"


def typed_in(source):
    """The live coding version with the lines put in below its hints, as somebody types them."""
    live = versions.livecoding(source)
    for before, after in zip(source["cells"], live["cells"]):
        if before["cell_type"] == "code" and after["source"] != before["source"]:
            hints = [line for line in after["source"].splitlines() if line.startswith(versions.HINT)]
            after["source"] = "\n".join([*hints, before["source"]])
    return live
