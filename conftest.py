"""How the tests run: offline, in three processes of one thread each (or one of two), and every notebook again, compared.

nbval runs each notebook in a fresh kernel and compares what every cell prints with what it printed when it was
written. Pictures and live widgets are not compared; the texts beside them are. Cells that explain real photos with a real network are run and
compared where its weights are.
"""

import ipaddress
import os
import socket

import matplotlib
import pytest
from hypothesis import settings
from nbval.plugin import IPyNbCell, IPyNbFile

from tools.execute_notebooks import ENVIRONMENT, KERNELS, REAL

# SVG and HTML carry random ids, stderr carries timings and warnings of other versions.
NOT_COMPARED = ("image/svg+xml", "text/html", "stderr")
LONGEST = "test_browser.py", "test_grading.py"


def pytest_configure(config):
    """Kernels inherit the environment, so that it is set before the first of them starts."""
    os.environ.pop("XAITUTOR_WEIGHTS_DIR", None)
    if config.getoption("numprocesses", None) and "OMP_NUM_THREADS" not in os.environ:
        ENVIRONMENT["OMP_NUM_THREADS"] = "1"  # a core for each process: with two threads each they would wait for each other
    os.environ.update(ENVIRONMENT)
    matplotlib.use("agg")  # in this process only: kernels show their figures
    # Examples may be slow on a busy machine; in continuous integration they are the same each time.
    settings.register_profile("course", deadline=None, derandomize=bool(os.environ.get("CI")))
    settings.load_profile("course")


def pytest_collection_modifyitems(items):
    """The processes share the files in this order: the longest first, then notebooks, so that at the end none of them waits for another. (The browser mostly
    waits for others: a third process fills the time on two cores.)"""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST) + (item.path.suffix != ".ipynb"))


def pytest_unconfigure(config):
    """The last lines of a long log say what failed, by name only: pytest's own summary holds what each compared, pages of it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")  # none in the processes that share the work
    for kind in ("failed", "error") if reporter else ():
        for report in reporter.stats.get(kind, []):
            print(f"failed: {report.nodeid}")


def pytest_collectstart(collector):
    if isinstance(collector, IPyNbFile):
        collector.skip_compare += NOT_COMPARED


def pytest_itemcollected(item):
    if isinstance(item, IPyNbCell):
        item.output_timeout = 600  # seconds; on a busy machine the default of 5 fails now and then


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """nbval starts the kernel of a notebook when it sets up its first cell."""
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(item, IPyNbCell):
            for name, value in KERNELS.items():
                patch.setenv(name, value)
        return (yield)


def pytest_runtest_call(item):
    """nbval compares nothing where a cell was never executed; here that is a failure."""
    if isinstance(item, IPyNbCell) and "weights" in item.cell.metadata.get("tags", ()) and "XAITUTOR_WEIGHTS_DIR" not in KERNELS:
        pytest.skip(f"the weights of {REAL} are not on this machine")
    if isinstance(item, IPyNbCell) and item.cell.execution_count is None:
        pytest.fail(f"this cell of {item.path.name} was never executed: run `make notebooks NOTEBOOKS={item.path}`", False)


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """Unit tests reach this machine only. (For kernels, see ENVIRONMENT.)"""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise OSError(f"a test tried to reach {address[0]}; tests use no network")
        return connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
