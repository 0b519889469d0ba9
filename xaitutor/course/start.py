"""The course without its repository: lay the notebooks out into a folder of one's own, and open them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from xaitutor.files import data_files, new_files

FIRST = "00_start_here.ipynb"


def lay_out(folder: str | Path) -> Path:
    """Copy the notebooks into `folder`, which is made where it is missing, and give the path of the first one.

    A notebook that is there already and differs, because somebody worked in it, stays as it is.
    """
    folder = Path(folder).expanduser()
    sources = {folder / path.name: path.read_text(encoding="utf-8")
               for path in sorted(data_files.folder("notebooks").glob("*.ipynb"))}
    new_files.write({path: text for path, text in sources.items() if not path.exists()})
    return folder / FIRST


def open_lab(notebook: Path) -> int:
    """Open a notebook in JupyterLab, and wait until that is closed; its exit status."""
    command = [sys.executable, "-m", "jupyter", "lab", f"--ServerApp.root_dir={notebook.parent.resolve()}",
               f"--LabApp.default_url=/lab/tree/{notebook.name}", "--LabApp.extension_manager=readonly",
               "--ServerApp.tornado_settings={'websocket_max_message_size': 67108864}"]  # as make lab: large photos in one message
    with subprocess.Popen(command) as lab:
        while True:
            try:
                return lab.wait()
            except KeyboardInterrupt:  # JupyterLab got it, too, and asks whether it is meant
                pass
