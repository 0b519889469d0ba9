"""Executes notebooks in fresh kernels and stores them with their outputs, ready to be committed.

    python tools/execute_notebooks.py                                 every notebook
    python tools/execute_notebooks.py notebooks/03_convolution.ipynb  this one

Executing twice gives the same file: what changes from run to run (times, widget ids, the kernel's version) is left
out. Of a widget the still picture is kept. A notebook in which a cell fails is left as it was. Cells with the tag `weights` explain real photos with
a network that is too large to come with the course: where its weights are not (`real_weights`), they keep the outputs they have.
"""

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"

# Where notebooks are executed and tested, a proxy that nobody answers stands before the network, and the
# folder of downloaded weights is one that does not exist: everyone sees what a student without internet sees.
ENVIRONMENT = {
    "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    "HF_HUB_OFFLINE": "1",
    "TORCH_HOME": str(ROOT / "build" / "no_weights"),
    **{name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")},
    **{name: "localhost,127.0.0.1" for name in ("NO_PROXY", "no_proxy")},
}
REAL = "squeezenet1_0"  # the network of "On ImageNet"


def real_weights() -> Path | None:
    """The folder with the weights of `REAL`: that of XAITUTOR_WEIGHTS_DIR, or shared/imagenet beside the repository; None where there are none."""
    folders = os.environ.get("XAITUTOR_WEIGHTS_DIR"), ROOT.parent / "shared" / "imagenet"
    return next((Path(folder) for folder in folders if folder and any(Path(folder).glob(f"{REAL}-*"))), None)


# In kernels only: a progress bar appears where the machine is slow, so that outputs would depend on the hour.
KERNELS = {"TQDM_DISABLE": "1"} | ({"XAITUTOR_WEIGHTS_DIR": str(real_weights())} if real_weights() else {})


def find() -> list[Path]:
    """All notebooks of the course, in order."""
    return sorted(path for path in NOTEBOOKS.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def execute(path: Path, timeout: float = 600) -> dict:
    """The notebook at `path`, executed from a fresh kernel in its own folder, without what changes from run to run.

    Raises RuntimeError, naming the notebook and the cell, where a cell fails or takes more than `timeout` seconds.
    """
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=timeout,
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
        skip_cells_with_tag="skip-execution" if real_weights() else "weights",
    )
    # No kernel folders: "python3" is then this very Python, whatever other kernels are installed.
    client.create_kernel_manager().kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
    try:
        client.execute(env={**os.environ, **ENVIRONMENT, **KERNELS})
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise RuntimeError(f"{path}: cell In [{client.code_cells_executed}] failed\n{error}") from None
    return normalised(notebook)


def normalised(notebook):
    """`notebook` without what changes from run to run, in place."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            output.get("data", {}).pop(WIDGET, None)
    return notebook


def store(notebook, path: Path) -> None:
    """Write in one step: an interruption leaves the old file or the new one."""
    import nbformat

    from xaitutor.files import new_files

    with new_files.whole(path) as own:
        nbformat.write(notebook, own)


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description="Execute notebooks in fresh kernels and store their outputs.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: all of notebooks/")
    for path in parser.parse_args(arguments).notebooks or find():
        start = time.perf_counter()
        try:
            store(execute(path), path)
        except (RuntimeError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{path}  {time.perf_counter() - start:.0f} s  {path.stat().st_size / 1000:.0f} KB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
