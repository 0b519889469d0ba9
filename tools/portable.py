"""Does the course say the same on another processor? One machine plays several.

    python tools/portable.py                          every notebook and every numerical test, on each of the machines
    python tools/portable.py notebooks/08*.ipynb      these only

What a processor can do decides in which order numbers are added, and so their last bits. Environment variables keep
the libraries from using all of it, and other numbers of threads split the sums elsewhere. Each cell and test that
fails is listed, with both outputs. The exit status is 1 where there is one, so that it can stand in a workflow.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]

# Features of NumPy that a processor lacks are only warned of, so that the names of all may stand here.
_OLD = {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE",
        "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR", "OPENBLAS_CORETYPE": "Nehalem"}
_AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
         "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR", "OPENBLAS_CORETYPE": "Haswell"}
MACHINES = {
    "as it is, one thread": {"OMP_NUM_THREADS": "1"},
    "as it is, three threads": {"OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "PASSIVE"},  # on two cores: who waits, sleeps
    "AVX2": _AVX2,
    "no AVX": _OLD,
}

# What asks about files, commands and pages, and not about numbers.
_NOT_NUMERICAL = ("project", "homework", "course", "files", "test_cli.py", "test_rooms.py")


def differing(machine: str, what: list[str]) -> list[str]:
    """The tests and cells that fail on this machine, each with what it says."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadfile", "-c", "pyproject.toml", "--rootdir=.", *what,
                   f"--junitxml={report}", "--tb=short", "-q", "-p", "no:cacheprovider"]
        ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "CI": "true", **MACHINES[machine]}).returncode
        if ended not in (0, 1):  # all passed; some failed
            raise RuntimeError(f"{machine}: pytest ended with status {ended}: it was interrupted, or had nothing to run")
        return [f"{case.get('classname')}::{case.get('name')}\n{bad.text or bad.get('message')}"
                for case in ElementTree.parse(report).iter("testcase")
                for bad in (*case.findall("failure"), *case.findall("error"))]


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description="Run notebooks and numerical tests as other processors would.")
    parser.add_argument("what", nargs="*", help="files for pytest; default: all notebooks and numerical tests")
    parser.add_argument("--machine", action="append", choices=MACHINES, help="only this one (may be repeated)")
    options = parser.parse_args(arguments)
    what = options.what or ["notebooks", "tests", *(f"--ignore=tests/{name}" for name in _NOT_NUMERICAL)]
    found = {machine: differing(machine, what) for machine in options.machine or MACHINES}
    for machine, cases in found.items():
        print(f"\n== {machine}: {len(cases)} differ\n" + "\n".join(cases))
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
