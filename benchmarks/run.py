"""Measures the course and writes what it finds into benchmarks/RESULTS.md.

    python benchmarks/run.py               import times, rendering, each notebook
    python benchmarks/run.py --whole-test  `make test` from start to end: seconds and peak memory
    python benchmarks/run.py --bulk        two hundred submissions, right, wrong and hostile, graded together
    python benchmarks/run.py --faults      a fault in the code, ten times in each room: do its tests notice? (hours)

Times are of this machine, in this hour. Each table therefore has a column of ratios to something that was measured
in the same run; compare those.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from unittest import mock
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
sys.path.insert(0, str(ROOT))


def imports() -> str:
    """Seconds that an import takes in a fresh process, the median of several."""
    seconds = {module: median(import_time(module) for _ in range(tries))
               for module, tries in [("xaitutor", 15), ("numpy", 7), ("torch", 3)]}
    rows = [(f"`import {module}`", f"{s:.3f} s", f"{s / seconds['numpy']:.2f}") for module, s in seconds.items()]
    return table(("", "median", "× `import numpy`"), rows) + "\n\n`import xaitutor` should take no more than 0.3 s.\n"


def import_time(module: str) -> float:
    code = f"import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


# Seconds and page faults of a forward pass of sixteen photos' size, and of a gradient of eight; networks as large as those of ImageNet.
PASSES = """
import resource, time, torch
from xaitutor.vision import torchvision

torch.set_num_threads(1)
network, x = torchvision.models.squeezenet1_0().eval().requires_grad_(False), torch.randn(16, 3, 224, 224)
hard = x[:8].clone().requires_grad_()
for measured in (lambda: network(x), lambda: torch.autograd.grad(network(hard).sum(), hard)):
    measured()
    start, pages = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(3):
        measured()
    print((time.process_time() - start) / 3, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages) / 3)
"""


def memory_for_tensors(times: int = 5) -> str:
    """What a pass takes with the C library's own habits, and where it keeps memory as the Makefile asks it to (glibc): in turn, each in a process of its own."""
    asked = re.search(r"^export GLIBC_TUNABLES \?= (.*)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)[1]
    found = {"": [], asked: []}
    for _ in range(times):
        for setting, runs in found.items():
            run = subprocess.run([sys.executable, "-c", PASSES], env={**os.environ, "GLIBC_TUNABLES": setting}, cwd=ROOT, capture_output=True, text=True, check=True)
            runs.append([float(number) for number in run.stdout.split()])
    habit, kept = ([median(column) for column in zip(*runs)] for runs in found.values())
    rows = [(what, *(f"{each[i]:.2f} s, {each[i + 1]:,.0f}" for each in (habit, kept)), f"{kept[i] / habit[i]:.2f}")
            for i, what in ((0, "forward, 16 pictures"), (2, "gradient, 8 pictures"))]
    return table(("SqueezeNet at 224², one thread: seconds, pages asked of the system", "glibc's own habits", "as `make` sets it", "ratio"), rows) + "\n"


def rendering(count: int = 200) -> str:
    """Pictures of the menagerie a second, on one core, none of them from a cache."""
    import torch

    from xaitutor import menagerie

    torch.set_num_threads(1)
    menagerie.sample(0).render()  # what is made only once is made now
    data = menagerie.Dataset(count, split="train", seed=1)
    image = torch.rand(1, 3, 128, 128)
    reference = rate(lambda i: torch.nn.functional.conv2d(image, torch.ones(64, 3, 7, 7)), count)
    rates = {
        "`menagerie.sample(seed)`": rate(menagerie.sample, count),
        "`menagerie.sample(seed).render()`": rate(lambda i: menagerie.sample(1_000_000 + i).render(), count),
        "`menagerie.Dataset(…)[i]`": rate(lambda i: data[i], count),
    }
    rows = [(what, f"{r:.0f}", f"{reference / r:.1f}") for what, r in rates.items()]
    return (table(("one core", "a second", "× a 7 × 7 convolution with 64 filters at 128²"), rows)
            + "\n\nAt least 100 pictures a second are wanted.\n")


def rate(call, count: int) -> float:
    start = time.perf_counter()
    for i in range(count):
        call(i)
    return count / (time.perf_counter() - start)


def activation_maximisation(steps: int = 50) -> str:
    """Ours and Lucent's in turn, one thread: the final picture's activation, by the same code, and CPU time."""
    import torch

    from xaitutor.maximization import jitter, lucent_transforms, rotation, scaling

    torch.set_num_threads(1)
    ours = [jitter(8), rotation(10), scaling([1 + i / 50 for i in range(-5, 6)]), jitter(4)]
    settings = [((), ()), (ours, lucent_transforms()), (ours, lucent_transforms()[1:])]
    rows, won = [], [0, 0, 0]
    for model, preprocess, layer, index in units():
        cells = []
        for number, transforms in enumerate(settings):
            a, b, seconds = ours_and_lucents(model, preprocess, layer, index, steps, transforms)
            cells += [f"{a:.4g}", f"{b:.4g}", f"{a / b:.3f}" if min(a, b) > 0 else f"{a - b:+.3g}", f"{seconds:.2f}"]
            won[number] += a >= b - 1e-5 * abs(b)  # rounding
        rows.append((f"`{layer}` {index}", *cells))
        print(rows[-1], flush=True)
    head = ("unit", *["ours", "Lucent", "ratio", "time ratio"] * 3)
    return (table(head, rows) + f"\n\nThe mean of a channel after {steps} steps at 128², from the same noise, in "
            "Fourier space with decorrelated colours (a difference instead of a ratio where one is negative). First no "
            "transforms; then jitter, rotation and scaling, each with its own; then the same, but Lucent "
            "without its padding, which shows the network a picture 16 % smaller. Ours reaches at least Lucent's in "
            f"{won[0]}, {won[1]} and {won[2]} of {len(rows)} units.\n")


def units():
    """(model, preprocess, layer, channel) of a network of the course and, where it is at hand, of one for photos."""
    from xaitutor import load_model

    model, preprocess, _ = load_model("menagerie_resnet18")
    yield from ((model, preprocess, "layer3.1.conv2", index) for index in range(0, 60, 5))
    weights = ROOT.parent / "shared" / "imagenet" / "squeezenet1_0-imagenet.safetensors"
    if weights.exists():
        model, preprocess, _ = load_model("squeezenet1_0", weights=weights)
        for layer, count in [("features.9.expand3x3", 192), ("features.12.expand3x3", 256)]:
            yield from ((model, preprocess, layer, index) for index in range(3, count, count // 5))


def ours_and_lucents(model, preprocess, layer, index, steps, transforms) -> tuple[float, float, float]:
    """(our activation, Lucent's, our CPU time over Lucent's)."""
    from xaitutor.maximization import channel, fourier, maximize, maximize_lucent, measure

    found, seconds = [], []
    for run, functions in zip((maximize, maximize_lucent), transforms):
        start = time.process_time()
        result = run(model, channel(layer, index), preprocess, steps=steps, transforms=functions,
                     parameterisation=fourier(decorrelated=True), progress=False)
        seconds.append(time.process_time() - start)
        found.append(measure(model, channel(layer, index), result.pictures, preprocess).item())
    return *found, seconds[0] / seconds[1]


def studio(count: int = 40) -> str:
    """Milliseconds from a slider of the studio to its new figure, method by method; two threads, the least of many."""
    import torch

    from xaitutor import plots, widgets
    from xaitutor.truth.networks import network

    torch.set_num_threads(2)
    plots.use_style()
    shown = []
    with mock.patch.object(widgets, "_display", lambda box, still: shown.append(box)):
        widgets.studio()
    controls = {control.description: control for control in shown[0].children[-1].children}
    asked, x = network("menagerie_resnet18"), torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        bare = min(timed(asked.model, x) for _ in range(count))
    rows = []
    for title, name in controls["method"].options:
        controls["method"].value = name
        least = min(timed(controls["tail"].set_trait, "value", -1 + 2 * i / count) for i in range(count))
        rows.append((title, f"{1000 * least:.0f} ms", f"{least / bare:.0f}"))
    return table(("two cores", "from the slider to the figure", "× a bare pass of the network"), rows) + (
        f"\n\nA scene is drawn, asked and explained, and its figure made as a PNG; the least of {count}. A bare pass of one picture takes {1000 * bare:.1f} ms. "
        "No more than 150 ms are wanted.\n")


def prototypical_examples(count: int = 512, batch: int = 32) -> str:
    """Pictures a second that a survey takes, beside the network's bare pass over the same pictures in the same batches."""
    import torch

    from xaitutor import load_model, menagerie, units

    torch.set_num_threads(1)
    model, preprocess, _ = load_model("menagerie_resnet18")
    pictures = torch.from_numpy(menagerie.Dataset(2000, "test").images()[:count]).permute(0, 3, 1, 2).float() / 255
    dataset = torch.utils.data.TensorDataset(pictures.contiguous())
    batches = preprocess(pictures.contiguous()).split(batch)
    quick = [x.contiguous(memory_format=torch.channels_last) for x in batches]

    def bare(batches):
        with torch.no_grad():
            for x in batches:
                model(x)

    def survey(layer):
        units.survey(model, layer, dataset, 9, "mean", preprocess, batch_size=batch, progress=False)

    calls = {"bare pass": lambda: bare(batches), "bare pass, channels last in memory": lambda: bare(quick)}
    calls |= {f'`units.survey(model, "{layer}", …)`': lambda layer=layer: survey(layer)
              for layer in ("layer1", "layer3", "fc")}
    seconds = {what: [] for what in calls}
    for _ in range(7):  # in turns, so that a busy minute slows all of them
        for what, call in calls.items():
            seconds[what].append(timed(call, clock=time.process_time))

    def ratio(reference, what):
        return f"{median(r / s for r, s in zip(seconds[reference], seconds[what])):.2f}"

    references = list(calls)[:2]
    rows = [(what, f"{count / median(seconds[what]):.0f}", *(ratio(r, what) for r in references)) for what in calls]
    return (table(("one core, processor time", "pictures a second", "× bare pass", "× bare pass, channels last"), rows)
            + "\n\nA survey fetches, preprocesses and ranks, too; it should reach 0.9 of the bare pass.\n")


def attributions() -> str:
    """Each method of xaitutor.attribution beside the published implementations and the bare passes it needs."""
    from benchmarks import attribution

    rows = attribution.measure()
    head = ("method", "batch", "ours", "references", "ours / each", "bare passes", "ours / bare")
    missed = "; ".join(attribution.missed(rows)) or "none"
    return (table(head, map(attribution.cells, rows)) + "\n\nSeconds of processor time on one core, ResNet-18 at 224²; "
            "the median of rounds in which all that need the same bare passes take turns (only one round for the "
            f"copies of 16 images), and of their ratios. {attribution.COPIES} copies or steps, {attribution.BATCH} at "
            "a time. Goals: never slower than a reference; at most 1.1 × the bare passes for gradient, DeconvNet, "
            "guided backpropagation, CAM and Grad-CAM, at most 1.2 × for SmoothGrad and integrated gradients. "
            f"Missed: {missed}. From run to run a ratio changes by several per cent.\n")


def audits() -> str:
    """How often the audit finds a planted fault, and accuses where there is none."""
    from benchmarks import audit

    rates = audit.measure()
    networks = [name.removeprefix("menagerie_") for name in dict.fromkeys(rate.network for rate in rates)]
    head = ("fault", *networks, "all", "all, without preprocess and labels", "… at least a doubt")
    return (table(head, audit.cells(rates)) + f"\n\nHow often the question that must find a planted fault raises an alarm, on {audit.PICTURES} pictures of each of "
            f"{audit.SEEDS} seeds, with {audit.METHOD}; of “nothing”, a healthy network, how often any of the {len(audit.QUESTIONS)} questions does. Without "
            "labels nobody can tell that they are off. Thresholds were set on these networks and other pictures; no alarm in 80 runs leaves room for 4 %.\n")


def notebooks() -> str:
    """Seconds of each notebook on two threads, the start of its kernel included."""
    import nbformat

    from tools.execute_notebooks import execute, find

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "torch.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import torch, torchvision")]), path)
        least = timed(execute, path)
    rows = []
    for path in find():
        seconds = timed(execute, path)
        print(f"{path.name}: {seconds:.1f} s", flush=True)
        rows.append((path.stem, f"{seconds:.1f} s", f"{seconds / least:.1f}", f"{path.stat().st_size / 1000:.0f} KB"))
    return (table(("notebook", "seconds", "× a kernel that only imports torch", "size"), rows)
            + f"\n\nA kernel that only imports torch takes {least:.1f} s. Each should take no more than 60 s, and 700 KB.\n")


def grading(count: int = 30) -> str:
    """Seconds that a submission takes when two are graded at a time, perfect ones of all assignments."""
    from xaitutor import homework
    from xaitutor.homework import assignments

    least, rows = import_time("torch"), []
    for name in homework.names():
        with tempfile.TemporaryDirectory() as folder:
            submissions = Path(folder) / "submissions"
            submissions.mkdir()
            each = count // len(homework.names())
            for number in range(each):
                shutil.copy(assignments.source(name), submissions / f"{number}.ipynb")
            start = time.perf_counter()
            scores = {result.score for result in homework.grade(name, submissions, Path(folder) / "graded")}
            seconds = time.perf_counter() - start
        rows.append((name, str(each), f"{seconds:.0f} s", f"{seconds / each:.1f} s", f"{2 * seconds / each / least:.1f}"))
        assert scores == {sum(homework.maximum(name).values())}
    head = ("assignment", "submissions", "all of them", "each", "a submission × `import torch`")
    return table(head, rows) + ("\n\nTwo at a time, preparation included; `each` is the time of all, divided by their number. "
                                "It should be no more than 8 s.\n")


def in_bulk() -> str:
    """Two hundred submissions at once, and whether each gets what it gets alone."""
    from benchmarks import bulk

    found = bulk.measure()
    number = sum(found.counts.values())
    row = (", ".join(f"{count} {kind}" for kind, count in found.counts.items()), str(found.workers), found.isolation, f"{found.minutes:.1f}", f"{number / found.minutes:.1f}",
           str(number - found.rows), ", ".join(found.differ) or "none")
    head = (f"{number} submissions of {bulk.NAME}", "at a time", "isolation", "minutes", "a minute", "lost", "other points or remarks than alone")
    return table(head, [row]) + f"\n\nA cell may take {bulk.SECONDS} s. Hostile are {', '.join(bulk.HOSTILE)} (`tests/homework/odd.py`), in turn.\n"


def timed(call, *arguments, clock=time.perf_counter) -> float:
    start = clock()
    call(*arguments)
    return clock() - start


KINDS = {  # by how a test's module begins; the first that fits
    "tests.project.test_browser": "browser: students' versions and homework in JupyterLab", "notebooks.": "notebooks, compared with what they show",
    "tests.homework": "homework graded", "tests.project": "commands, wheel, rules for notebooks", "": "unit tests",
}


def whole_test() -> str:
    """`make test`, once it is installed: seconds, by kind too, and the largest sum of the memory of all its processes."""
    import psutil

    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        start, peak = time.perf_counter(), 0
        process = subprocess.Popen(["make", "test", f"TEST_ARGS=--junitxml={report}"], cwd=ROOT, stdin=subprocess.DEVNULL)
        while process.poll() is None:
            peak = max(peak, memory(psutil.Process(process.pid)))
            time.sleep(0.5)
        seconds = time.perf_counter() - start
        if process.returncode:
            sys.exit("`make test` failed: nothing was written")
        kinds = by_kind(report)
    bare = import_time("torch")
    whole = table(("", "minutes", "× `import torch`", "peak memory"),
                  [("`make test`", f"{seconds / 60:.1f}", f"{seconds / bare:.0f}", f"{peak / 2**30:.1f} GB")])
    parts = table(("kind", "tests and cells", "minutes, all processes together"),
                  [(kind, str(number), f"{total / 60:.1f}") for kind, (number, total) in kinds.items()])
    return f"{whole}\n\n{parts}\n\nMemory that processes share is counted once for each.\n"


def hostile(number: int = 3000) -> str:
    """Odd calls of the public functions (`tests/hostile`): how many are right, are refused clearly, or are failures, which are printed."""
    from tests.hostile import cases, networks

    counts = cases.tally(range(number))
    rows = [(verdict, str(counts[verdict])) for verdict in cases.VERDICTS]
    return (f"{number} calls drawn from seeds 0 to {number - 1}, of {len(cases.CHECKS)} functions on {len(networks.TORCHVISION)} families of torchvision and "
            f"{len(networks.ODD)} odd networks.\n\n{table(('outcome', 'calls'), rows)}\n\n“Right” is by a reference of its own for most functions, and else as for one "
            "picture alone; “refused” our own error, in one line; “silent” a wrong answer, or one to a question that has none; “raw” somebody else's error; “trace” a network, "
            "a picture or a generator that is not what it was; “no such call” one that torch itself cannot make.\n")


def planted(each: int = 10) -> str:
    """Faults planted in each room that has tests of its own, one at a time (`tools/plant_faults.py`); what survives is printed."""
    rooms = sorted(folder.name for folder in (ROOT / "xaitutor").iterdir() if (ROOT / "tests" / folder.name).is_dir() and any(folder.glob("*.py")))
    rows = []
    for room in rooms:
        found = subprocess.run([sys.executable, ROOT / "tools" / "plant_faults.py", room, "--faults", str(each)], stdout=subprocess.PIPE, text=True).stdout
        print(*(line for line in found.splitlines() if "LIVES" in line), sep="\n", flush=True)
        rows.append(re.search(r"^(\w+): (\d+) of (\d+) caught, of (\d+)", found, re.MULTILINE).groups())
    return faults_by_room(rows)


def faults_by_room(rows: list[tuple[str, str, str, str]]) -> str:
    """rows: room, how many were caught, how many were planted, how many could be."""
    caught, number = (sum(int(row[i]) for row in rows) for i in (1, 2))
    return (f"{table(('room', 'caught', 'planted', 'could be planted'), rows)}\n\nAn operator, a comparison, a constant, drawn at random and changed, one at a time: the tests of "
            f"the room alone caught {caught} of {number} ({caught / number:.0%}). Who survives is a fault that no test asks for, or none at all, such as another number of "
            "pictures at once; only a reader can tell.\n")


def by_kind(report: Path) -> dict[str, tuple[int, float]]:
    """How many tests of each kind there are in a report of pytest, and their seconds."""
    found = dict.fromkeys(KINDS.values(), (0, 0.0))
    for case in ElementTree.parse(report).iter("testcase"):
        kind = next(kind for beginning, kind in KINDS.items() if case.get("classname", "").startswith(beginning))
        number, seconds = found[kind]
        found[kind] = number + 1, seconds + float(case.get("time", 0))
    return found


def memory(process) -> int:
    """Bytes that a process and its descendants hold."""
    import psutil

    total = 0
    for one in [process, *children(process)]:
        try:
            total += one.memory_info().rss
        except psutil.Error:  # it has ended meanwhile
            pass
    return total


def children(process) -> list:
    import psutil

    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def table(head, rows) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def with_section(text: str, heading: str, body: str) -> str:
    """`text` in which the section under `## heading` is `body`; added at the end where there is none."""
    section = f"## {heading}\n\n{machine()}\n\n{body.rstrip()}\n"
    pattern = rf"^## {re.escape(heading)}\n.*?(?=^## |\Z)"
    if re.search(pattern, text, re.MULTILINE | re.DOTALL):
        return re.sub(pattern, lambda _: section + "\n", text, flags=re.MULTILINE | re.DOTALL).rstrip() + "\n"
    return f"{text.rstrip()}\n\n{section}"


def machine() -> str:
    from importlib.metadata import version

    return (f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, torch {version('torch')}.")


SECTIONS = {
    "Import": imports,
    "Memory for tensors": memory_for_tensors,
    "Rendering": rendering,
    "Activation maximisation": activation_maximisation,
    "Prototypes": prototypical_examples,
    "Studio": studio,
    "Attribution": attributions,
    "Audit": audits,
    "Notebooks": notebooks,
    "Homework": grading,
}
INTRODUCTION = "# Measured\n\nWritten by `make bench` and `make bench-test`.\n"


def main(arguments=None) -> None:
    parser = argparse.ArgumentParser(description="Measure the course, and write benchmarks/RESULTS.md.")
    parser.add_argument("--whole-test", action="store_true", help="measure `make test` (minutes), and nothing else")
    parser.add_argument("--hostile", action="store_true", help="make three thousand odd calls (minutes), and nothing else")
    parser.add_argument("--bulk", action="store_true", help="grade two hundred submissions (a quarter of an hour), and nothing else")
    parser.add_argument("--faults", action="store_true", help="plant faults in each room (hours), and nothing else")
    parser.add_argument("--only", choices=[*SECTIONS], help="measure one thing")
    options = parser.parse_args(arguments)
    chosen = {"The whole of `make test`": whole_test} if options.whole_test else SECTIONS
    if options.hostile:
        chosen = {"Odd calls": hostile}
    if options.bulk:
        chosen = {"Grading in bulk": in_bulk}
    if options.faults:
        chosen = {"Planted faults": planted}
    if options.only:
        chosen = {options.only: SECTIONS[options.only]}
    for heading, measure in chosen.items():
        print(f"{heading} …", flush=True)
        body = measure()
        text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else INTRODUCTION
        RESULTS.write_text(with_section(text, heading, body), encoding="utf-8", newline="\n")
        print(body)


if __name__ == "__main__":
    main()
