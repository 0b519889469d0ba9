"""The command `xaitutor`.

    xaitutor start [DIR]         the notebooks in a folder of your own, open in JupyterLab
    xaitutor check               is this machine ready for the course?
    xaitutor download resnet18   fetch a network of torchvision, for later without internet
    xaitutor explain photo.jpg   why does a network see in the photo what it sees?
    xaitutor audit photo.jpg …   nobody knows the truth: what can be checked all the same?
    xaitutor score grad_cam      does a method tell the truth about a decision? (any method: module:function)

and, for instructors,

    xaitutor edition --for students --to DIR  all that students need, to be handed out: a folder, or a zip file
    xaitutor student NOTEBOOK… --to DIR      the notebooks without solutions and outputs
    xaitutor livecoding NOTEBOOK… --to DIR   the notebooks with the code still to be typed
    xaitutor slides NOTEBOOK… --to DIR       slides for the lecture, with notes, that need no internet
    xaitutor homework release NAME           an assignment as students get it
    xaitutor homework grade NAME --submissions DIR   scores as CSV, and feedback for each student
    xaitutor homework merge NAME --submissions DIR   … put together, where a batch system has graded parts
    xaitutor homework return NAME --course DIR       … handed back by nbgrader's exchange, where the course is on JupyterHub
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import json
import os
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 0 where all is well, 1 where something failed, 2 for a wrong command, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="xaitutor", description="A course on looking inside convolutional networks.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    command = commands.add_parser("start", help="lay the notebooks out into a folder of your own, and open them")
    command.add_argument("folder", nargs="?", default="xaitutor", metavar="DIR",
                         help="made where it is missing; what you changed there stays (default: %(default)s)")
    command.set_defaults(run=start)

    command = commands.add_parser("check", help="is this machine ready for the course?")
    command.set_defaults(run=check)

    command = commands.add_parser("download", help="fetch a network of torchvision, for later without internet")
    command.add_argument("name", metavar="NAME", help="for example resnet18, vgg16, googlenet")
    command.add_argument("--seconds", type=float, help="what it may take in all (default: as long as something comes)")
    command.set_defaults(run=download)

    command = commands.add_parser("explain", help="why does a network see in this photo what it sees?")
    command.add_argument("photo", metavar="PHOTO", help="a picture file, or a sample picture (cat, menagerie/zebra, …)")
    command.add_argument("--model", help="for example resnet18 (default: squeezenet1_0 for a photo, where its weights are, else menagerie_resnet18)")
    command.add_argument("--method", action="append", metavar="NAME[,NAME…]", help="for example grad_cam (the default), or yours as module:function")
    command.add_argument("--target", metavar="CLASS",
                         help="the class to explain, by name or number (default: the predicted)")
    command.add_argument("--output", default="explanation.png", metavar="FILE",
                         help="the picture to write (default: %(default)s)")
    command.add_argument("--force", action="store_true", help="write over FILE also where this command has not written it")
    command.set_defaults(run=explain)

    command = commands.add_parser("audit", help="what can be checked of a network, photos and a method where nobody knows the truth?")
    command.add_argument("photos", nargs="+", metavar="PHOTO", help="picture files, or sample pictures; a dozen say more than one")
    command.add_argument("--model", default="menagerie_resnet18", help="for example resnet18 (default: %(default)s)")
    command.add_argument("--method", default="grad_cam", metavar="NAME", help="for example lrp, or yours as module:function (default: %(default)s)")
    command.add_argument("--layer", metavar="NAME", help="of Grad-CAM and its kin (default: the last feature map)")
    command.add_argument("--labels", metavar="CLASS[,CLASS…]", help="the true class of each photo, by name or number")
    command.add_argument("--output", default="audit.png", metavar="FILE", help="the picture to write (default: %(default)s)")
    command.add_argument("--force", action="store_true", help="write over FILE also where this command has not written it")
    command.add_argument("--json", action="store_true", help="print the findings as JSON, and nothing else")
    command.set_defaults(run=audit)

    command = commands.add_parser("score", help="does a method tell the truth about a decision?")
    command.add_argument("method", metavar="METHOD", help="for example grad_cam, captum.attr:Saliency, or my_module:my_method, "
                         "called as (model, x, target) for a map (N, C, h, w)")
    command.add_argument("--network", default="menagerie_resnet18", metavar="NAME",
                         help="one of the four, or module:function for one with the twelve classes (default: %(default)s)")
    command.add_argument("--scenes", type=int, default=48, metavar="N", help="how many to score it on (default: %(default)s)")
    command.add_argument("--json", action="store_true", help="print the row as JSON, and nothing else")
    command.set_defaults(run=score)

    command = commands.add_parser("edition", help="write all that students need, without solutions and hidden tests")
    command.add_argument("--for", dest="audience", required=True, choices=["students"], help="for whom")
    command.add_argument("--to", required=True, metavar="DIR", help="a folder that is new or empty, or a zip file")
    command.set_defaults(run=edition)

    for name, what in {"student": "write notebooks without solutions and outputs, for students",
                       "livecoding": "write notebooks whose code is still to be typed, for the lecture hall"}.items():
        command = commands.add_parser(name, help=what)
        command.add_argument("notebooks", nargs="+", metavar="NOTEBOOK", help="for example notebooks/03_convolution.ipynb")
        command.add_argument("--to", required=True, metavar="DIR", help="the folder to write to; nothing is overwritten there")
        command.set_defaults(run=write_versions, version=name, check=False)
    command.add_argument("--check", action="store_true", help="also run each of them, with the lines to be typed in place")

    command = commands.add_parser("slides", help="write a notebook's slides: questions, pictures, formulas and code, for a browser without internet")
    command.add_argument("notebooks", nargs="+", metavar="NOTEBOOK", help="for example notebooks/13_cam_and_grad_cam.ipynb; its outputs are shown")
    command.add_argument("--to", required=True, metavar="DIR", help="the folder to write to")
    command.set_defaults(run=slides)

    command = commands.add_parser("homework", help="hand out an assignment, and grade what comes back")
    steps = command.add_subparsers(title="steps", required=True, metavar="STEP")
    step = steps.add_parser("release", help="write an assignment without solutions and hidden tests")
    step.add_argument("name", metavar="NAME", help="for example part_1")
    where = step.add_mutually_exclusive_group()
    where.add_argument("--to", default="released", metavar="DIR", help="the folder to write to (default: %(default)s)")
    where.add_argument("--course", metavar="DIR", help="a course as nbgrader lays it out: into it, and into its exchange")
    step.set_defaults(run=release)
    step = steps.add_parser("grade", help="grade a folder of submissions: scores as CSV, feedback as HTML")
    _which_submissions(step)
    step.add_argument("--seconds", type=int, default=60, metavar="N", help="what a cell may take (default: %(default)s)")
    step.add_argument("--workers", type=int, metavar="N", help="how many are graded at a time (default: one for each core, as far as there is memory)")
    step.add_argument("--part", type=_part, metavar="K/N", help="only the K-th of N parts, as in an array of a batch system; then: merge")
    step.add_argument("--with-tests", action="store_true", help="show the hidden tests on the pages of feedback: for yourself, not to be handed back")
    step.set_defaults(run=grade)
    step = steps.add_parser("merge", help="put the parts that were graded into one table and one folder of pages")
    _which_submissions(step)
    step.set_defaults(run=merge)
    step = steps.add_parser("return", help="marks and pages into nbgrader's gradebook and exchange")
    step.add_argument("name", metavar="NAME", help="for example part_1")
    step.add_argument("--course", required=True, metavar="DIR", help="the course, as nbgrader lays it out")
    step.set_defaults(run=hand_back)

    try:
        options = parser.parse_args(arguments)
        return options.run(options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    except (ValueError, IndexError, TypeError, OSError, ImportError) as error:  # a broken torch raises ImportError or OSError
        print(error, file=sys.stderr)
        return 1


def _which_submissions(step: argparse.ArgumentParser) -> None:
    """What `grade` and `merge` have to be told alike."""
    step.add_argument("name", metavar="NAME", help="for example part_1")
    where = step.add_mutually_exclusive_group(required=True)
    where.add_argument("--submissions", metavar="DIR", help="holds a folder, or a notebook, for each student, named after the student; their code is run")
    where.add_argument("--course", metavar="DIR", help="a course in which nbgrader has collected them; writes to DIR/graded/NAME")
    step.add_argument("--to", metavar="DIR", help="the folder to write to (default: graded)")


def _part(text: str) -> tuple[int, int]:
    """K/N as two numbers; argparse names what is none."""
    k, n = map(int, text.split("/"))
    if not 1 <= k <= n:
        raise ValueError
    return k, n


def start(options: argparse.Namespace) -> int:
    from xaitutor.course import start

    notebook = start.lay_out(options.folder)
    print(f"The notebooks are in {notebook.parent.resolve()}", flush=True)
    return start.open_lab(notebook)


def check(options: argparse.Namespace) -> int:
    from xaitutor.course import environment

    failures = 0
    for line in environment.check():
        print(line, flush=True)
        failures += not line.ok
    if failures:
        print(f"\n{failures} of these {'needs' if failures == 1 else 'need'} attention.")
    return 1 if failures else 0


def download(options: argparse.Namespace) -> int:
    from xaitutor.networks import models

    print(models.download(options.name, options.seconds))
    return 0


def edition(options: argparse.Namespace) -> int:
    from xaitutor.homework import edition

    print(edition.write(options.to))
    return 0


def write_versions(options: argparse.Namespace) -> int:
    from xaitutor.course import rehearsal, versions

    failures = 0
    for notebook in options.notebooks:
        try:
            print(versions.write(notebook, options.to, getattr(versions, options.version)))
            if options.check:
                print(rehearsal.rehearse(notebook), flush=True)
        except (ValueError, OSError) as error:  # the other notebooks are still written
            print(error, file=sys.stderr)
            failures += 1
    return 1 if failures else 0


def slides(options: argparse.Namespace) -> int:
    from xaitutor.course import slides

    for notebook in options.notebooks:
        print(slides.write(notebook, options.to))
    return 0


def release(options: argparse.Namespace) -> int:
    from xaitutor import homework
    from xaitutor.homework import exchange

    print(exchange.release(options.name, options.course) if options.course else homework.release(options.name, options.to))
    return 0


def grade(options: argparse.Namespace) -> int:
    """The exit status is 0 also where a submission could not be graded: the report says so. It is 130 after Ctrl-C."""
    from xaitutor import homework
    from xaitutor.homework import grading, isolation

    to = grading.into(_graded_into(options), options.part)
    table = f"{to}/{options.name}.csv"
    print(f"{'warning: ' * isolation.choose().nothing}isolation: {isolation.choose().says}", file=sys.stderr)
    try:
        before = homework.graded(options.name, to)
        results = homework.grade(options.name, options.submissions, _graded_into(options), options.seconds, course=options.course,
                                 with_tests=options.with_tests, workers=options.workers, part=options.part)
    except KeyboardInterrupt:
        done = len(homework.graded(options.name, to))
        print(f"\nstopped: {done} done, in {table}. The same command goes on with the others.", file=sys.stderr)
        return 130
    for result in results:
        print(f"{result.student:20} {result.score:5g}  {'; '.join(result.remarks)}".rstrip())
    if before:
        print(f"\nKept as they were: {len(before)} rows of {table}. To grade one again, delete its row.")
    print(f"\nScores: {table}, feedback: {to}/feedback")
    return 0


def merge(options: argparse.Namespace) -> int:
    """The exit status is 1 where somebody is still without a row."""
    from xaitutor import homework

    added, missing = homework.merge(options.name, options.submissions, _graded_into(options), course=options.course)
    print(f"{len(added)} rows added to {_graded_into(options)}/{options.name}.csv")
    if missing:
        print(f"{len(missing)} handed in and have no row yet: {', '.join(missing)}. Grade the parts that are missing, and merge again.", file=sys.stderr)
    return 1 if missing else 0


def hand_back(options: argparse.Namespace) -> int:
    from xaitutor.homework import exchange

    students = exchange.hand_back(options.name, options.course)
    print(f"handed back to {len(students)} students; they get it by: nbgrader fetch_feedback {options.name}, or in JupyterLab, Nbgrader → Assignment List")
    return 0


def _graded_into(options: argparse.Namespace) -> str:
    from xaitutor.homework import exchange

    return options.to or (str(exchange.where(options.course, options.name)) if options.course else "graded")


def explain(options: argparse.Namespace) -> int:
    _may_be_written(options.output, [options.photo], options.force)
    _explain(options.photo, options.model or _network_for(options.photo), ",".join(options.method or ["grad_cam"]), options.target, options.output)
    return 0


def _network_for(photo: str) -> str:
    """A network that learned from photos, if there is one; what is drawn is for those of the menagerie."""
    from xaitutor.networks import models

    return "squeezenet1_0" if not photo.startswith("menagerie/") and models.on_disk("squeezenet1_0") else "menagerie_resnet18"


def audit(options: argparse.Namespace) -> int:
    """The exit status is 0 also where there are alarms: the audit itself was well."""
    import torch

    from xaitutor.attribution import METHODS
    from xaitutor.audit import as_dicts, report
    from xaitutor.audit import audit as ask
    from xaitutor.networks import images, models

    _may_be_written(options.output, options.photos, options.force)
    method = _method(options.method)
    photos = [images.load_image(photo) for photo in options.photos]
    model, preprocess, categories = models.load_model(options.model)
    labels = _labels(options.labels, categories)
    x = torch.stack([preprocess(photo) for photo in photos])
    findings = ask(model, x, method=method.name if method.name in METHODS else method.function, layer=options.layer, labels=labels, preprocess=preprocess)
    _draw_audit(findings, model, x, preprocess, categories, method, options)
    print(json.dumps(as_dicts(findings)) if options.json else f"{report(findings)}\n\ndrawn: {options.output}")
    return 0


def score(options: argparse.Namespace) -> int:
    from xaitutor.truth import scoreboard, scores

    with _this_folder():
        found = scores.score(options.method, options.network, options.scenes)
    print(json.dumps(found._asdict()) if options.json else scoreboard.beside(found))
    return 0


@contextlib.contextmanager
def _this_folder():
    """A module in this folder can be imported, as with python -m."""
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _explain(photo: str, model_name: str, method_names: str, target: str | None, output: str) -> None:
    """Write a picture of the photo, as the model sees it, and beside it each method's heatmap laid on it."""

    from xaitutor.attribution import heatmap, overlay
    from xaitutor.figures import plots
    from xaitutor.networks import images, models

    methods = [_method(name.strip()) for name in method_names.split(",")]
    image = images.load_image(photo)
    model, preprocess, categories = models.load_model(model_name)
    x = preprocess(image)[None]
    picture = images.denormalise(x, preprocess.mean, preprocess.std).clamp(0, 1)[0]
    probabilities = model(x).softmax(dim=1)[0]
    index = int(probabilities.argmax()) if target is None else _class(target, categories)

    maps = [heatmap(method.function(model, x, index), method.reduce, size=x.shape[2:])[0] for method in methods]
    titles = [f"{categories[index]}, {probabilities[index]:.1%}", *(method.title for method in methods)]
    plots.use_style()
    figure = plots.image_grid([picture, *(overlay(picture, one) for one in maps)], titles, columns=4, size=2.4)
    _save(figure, output)
    _report(model_name, categories, probabilities)
    _doubt(model_name, model, x)
    print(f"explained: {titles[0]}, in {output}")
    for title, one in zip(titles[1:], maps):
        if not one.any():
            print(f"{title} shows nothing here: its map has no value above zero")


def _may_be_written(output: str, photos: list[str], force: bool) -> None:
    """Raise before anything is computed: where there is no such folder, where a photo, or somebody's file, would be written over, and for an unknown kind."""
    from matplotlib.backend_bases import FigureCanvasBase

    from xaitutor.files import new_files

    kinds = FigureCanvasBase.get_supported_filetypes()
    if os.path.splitext(output)[1][1:].lower() not in kinds:
        raise ValueError(f"{output} is no picture's name; it ends in .png, or another of {', '.join(sorted(kinds))}")
    if any(os.path.exists(photo) and os.path.exists(output) and os.path.samefile(photo, output) for photo in photos):
        raise ValueError(f"{output} is a photo that is to be explained, and would be written over; give --output another name")
    new_files.require_room(output, force)


def _save(figure, output: str) -> None:
    """Write the figure, whole or not at all, with the mark by which this command knows its own files again."""
    import matplotlib.pyplot as plt

    from xaitutor.files import new_files

    kind = os.path.splitext(output)[1][1:].lower()
    where = {"png": "Software", "pdf": "Creator", "ps": "Creator", "eps": "Creator", "svg": "Creator", "svgz": "Creator"}
    mark = {"metadata": {where[kind]: new_files.MARK}} if kind in where else {"pil_kwargs": {"comment": new_files.MARK.encode()}} if kind in ("jpg", "jpeg") else {}
    with new_files.whole(output) as own:
        figure.savefig(own, format=kind, **mark)
    plt.close(figure)


def _labels(names: str | None, categories: list[str]) -> list[int] | None:
    """Numbers stay as they are: whether there is such a class is a question of the audit."""
    from xaitutor.attribution import class_index

    if names is None:
        return None
    return [int(name) if name.strip().isdecimal() else class_index(categories, name.strip()) for name in names.split(",")]


def _draw_audit(findings, model, x, preprocess, categories, method, options) -> None:

    from xaitutor.attribution import heatmap
    from xaitutor.figures import audits, plots
    from xaitutor.networks import images

    pictures = images.denormalise(x, preprocess.mean, preprocess.std).clamp(0, 1)
    try:
        given = {} if options.layer is None else {"layer": options.layer}
        heat = heatmap(method.function(model, x, **given), method.reduce, size=x.shape[2:])
    except ValueError:  # the findings say why
        heat = None
    plots.use_style()
    figure, _ = audits.page(findings, pictures, heat, [categories[index] for index in model(x).argmax(dim=1).tolist()])
    _save(figure, options.output)


def _method(name: str):
    """A method of the course, or "module:function" for any other: what has a name, a title, a function and a `reduce`."""
    from xaitutor.attribution import METHODS

    if name in METHODS:
        return METHODS[name]
    if ":" in name:
        from xaitutor.truth.given import contestant

        with _this_folder():
            return contestant(name)
    near = difflib.get_close_matches(name, METHODS, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there is {', '.join(METHODS)}, or yours as module:function"
    raise ValueError(f"there is no method {name!r}; {hint}")


def _class(target: str, categories: list[str]) -> int:
    from xaitutor.attribution import class_index

    if not target.removeprefix("-").isdecimal():
        return class_index(categories, target)
    if not 0 <= int(target) < len(categories):
        raise IndexError(f"there is no class {target}: the model has {len(categories)}, from 0 to {len(categories) - 1}")
    return int(target)


def _report(model_name: str, categories: list[str], probabilities) -> None:
    """What the network can tell apart, and its best three for this photo."""
    from xaitutor.networks.models import EMBEDDED

    names = f": {', '.join(categories)}" if model_name in EMBEDDED else ""
    print(f"{model_name} tells {len(categories)} classes apart{names}")
    best = probabilities.argsort(descending=True)[:3].tolist()
    print("it sees " + "; ".join(f"{categories[i]}, {probabilities[i]:.1%}" for i in best))


def _doubt(model_name: str, model, x) -> None:
    """A word of warning where an embedded network has never seen such a picture; what others were trained on is not known."""
    from xaitutor.audit import strangers
    from xaitutor.networks.models import EMBEDDED

    if model_name in EMBEDDED and (far := strangers.strangeness(model_name, model, x).item()) > 1:
        print(f"take that for a guess: the picture is unlike all drawn scenes that {model_name} was trained on ({far:.1f} times as far from them "
              "as the limit); --model resnet18 knows photos")


if __name__ == "__main__":
    sys.exit(main())
