"""JupyterHub as `classroom/` sets it up, on this machine: a class at work in real browsers, what a student's server takes, and the hub alone.

    python -m benchmarks.classroom class     five students at once, from login to feedback; one server and the hub are killed meanwhile
    python -m benchmarks.classroom memory    a server's start, and its memory with notebooks open
    python -m benchmarks.classroom hub       two hundred simulated students; no server is started for them

The first two need root on a machine to spare: they make users, and remove them. All need an environment with classroom/requirements.txt and the students'
edition (`make students`), configurable-http-proxy in PATH, nbgrader's configuration as docs/classroom.md lays it out, and Chromium. Everything listens on loopback.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

ROOT = Path(__file__).resolve().parents[1]
PORT = 8223
ADDRESS = f"http://127.0.0.1:{PORT}"
START = "xaitutor/notebooks/00_start_here.ipynb"
LONG = 900_000  # milliseconds: on a busy machine all takes twenty times as long
PUPILS, TEACHER, COURSE = [f"pupil{i}" for i in range(1, 6)], "preceptor", "xaitutor"


# The machine, and the hub on it


def sh(*words, user: str | None = None, **environment) -> str:
    """What a command prints; as another user, where one is given."""
    home = f"/srv/classroom_bench/homes/{user}"
    words = ["runuser", "-u", user, "--", "env", f"HOME={home}", *words] if user else words
    run = subprocess.run(list(map(str, words)), capture_output=True, text=True, cwd=home if user else None, env={**os.environ, **environment})
    if run.returncode:
        raise OSError(f"{' '.join(map(str, words))}: {run.stdout}{run.stderr}")
    return run.stdout


@contextmanager
def machine():
    """Users with passwords, the students' notebooks as a repository, and a folder for the exchange."""
    place, passwords = Path("/srv/classroom_bench"), {name: secrets.token_hex(8) for name in [*PUPILS, TEACHER]}
    (place / "homes").mkdir(parents=True)
    try:
        for group in ("students", "instructors"):
            sh("groupadd", "--force", group)
        for name, password in passwords.items():
            sh("useradd", "--create-home", "--base-dir", place / "homes", "--gid", "instructors" if name == TEACHER else "students", name)
            subprocess.run(["chpasswd"], input=f"{name}:{password}", text=True, check=True)
        shutil.copytree(os.environ.get("STUDENTS", ROOT / "build" / "students"), place / "edition", ignore=shutil.ignore_patterns(".git"))
        for words in (["init", "--quiet"], ["add", "notebooks", "homework"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--message", "The course"]):
            sh("git", "-C", place / "edition", *words)
        sh("git", "clone", "--quiet", "--bare", place / "edition", place / "notebooks.git")
        sh("git", "config", "--system", "--add", "safe.directory", place / "notebooks.git")  # else git reads nobody else's repository
        (place / "exchange").mkdir()
        (place / "exchange").chmod(0o777)
        yield place, passwords
    finally:
        for name in passwords:
            subprocess.run(["pkill", "-KILL", "-u", name], check=False)  # of the users made here, and nobody else's
            time.sleep(1)
            subprocess.run(["userdel", "--force", "--remove", name], capture_output=True, check=False)
        subprocess.run(["git", "config", "--system", "--unset-all", "safe.directory", f"^{place}/notebooks.git$"], check=False)
        shutil.rmtree(place, ignore_errors=True)


def start_hub(state: Path, config: Path, **environment) -> subprocess.Popen:
    """JupyterHub, once it answers; its log lies in `state`."""
    state.mkdir(exist_ok=True)
    environment = {**os.environ, "CLASSROOM_ADDRESS": ADDRESS, "CLASSROOM_STATE": str(state), **environment}
    environment["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), environment["PATH"]])
    words = [sys.executable, "-m", "jupyterhub", "--config", config, f"--JupyterHub.hub_port={PORT + 1}", f"--ConfigurableHTTPProxy.api_url=http://127.0.0.1:{PORT + 2}"]
    with open(state / "log", "a") as log:
        hub = subprocess.Popen(list(map(str, words)), cwd=state, env=environment, stdout=log, stderr=log, start_new_session=True)
    end = time.monotonic() + 120
    while time.monotonic() < end and hub.poll() is None:
        try:
            urlopen(f"{ADDRESS}/hub/health", timeout=20)
            return hub
        except (URLError, OSError):
            time.sleep(0.3)
    raise OSError(f"the hub does not start: {(state / 'log').read_text()[-2000:]}")


def stop_hub(hub: subprocess.Popen, state: Path) -> None:
    hub.terminate()
    hub.wait(60)
    if (proxy := state / "proxy.pid").is_file():
        os.kill(int(proxy.read_text().split()[0]), signal.SIGTERM)


def servers(user: str) -> list[psutil.Process]:
    """The student's server, and what it has started."""
    return [process for process in psutil.process_iter(["username"]) if process.info["username"] == user and "git" not in process.name()]


def megabytes(processes: list[psutil.Process]) -> tuple[float, float]:
    """(memory of their own, with a share of what several map; all that they map) in MB."""
    found = [process.memory_full_info() for process in processes]
    return sum(one.pss for one in found) / 1e6, sum(one.rss for one in found) / 1e6


# A student in a browser


@contextmanager
def browsers(number: int):
    """As many pages, each with cookies of its own."""
    from playwright.sync_api import sync_playwright

    from tests.browser import BROWSER, FLAGS

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        pages = [browser.new_context(viewport={"width": 1280, "height": 800}).new_page() for _ in range(number)]
        for page in pages:
            page.set_default_timeout(LONG)
            page.set_default_navigation_timeout(LONG)
        yield pages
        browser.close()


def log_in(page, name: str, password: str) -> None:
    page.goto(f"{ADDRESS}/hub/login")
    page.fill("#username_input", name)
    page.fill("#password_input", password)
    page.click("#login_submit", no_wait_after=True)


def pull(page, place: Path, notebook: str = START) -> None:
    """By nbgitpuller's link."""
    page.goto(f"{ADDRESS}/hub/user-redirect/git-pull?repo=file://{place}/notebooks.git&targetPath=xaitutor&urlpath=lab/tree/{notebook}", wait_until="commit")


def wait_open(page) -> None:
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()


def run_all(page) -> None:
    page.locator(".lm-MenuBar-itemLabel").get_by_text("Run", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Run All Cells", exact=True).click()


def api(page, name: str, what: str, method: str = "GET", **options):
    """What the student's server answers the page, as it answers JupyterLab."""
    token = next((cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "_xsrf" and cookie["path"] == f"/user/{name}/"), "")
    answer = page.request.fetch(f"{ADDRESS}/user/{name}/{what}", method=method, headers={"X-XSRFToken": token}, timeout=LONG, **options)
    if not answer.ok:
        raise OSError(f"{name}: {what}: {answer.status} {answer.text()[:300]}")
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text()


def finished(page, name: str, notebook: str = START) -> bool:
    """Whether what JupyterLab has saved was run to the end, without an error but those of open exercises."""
    page.keyboard.press("ControlOrMeta+s")
    page.wait_for_timeout(1000)
    cells = api(page, name, f"api/contents/{notebook}")["content"]["cells"]
    return all(cell.get("execution_count") for cell in cells if cell["cell_type"] == "code" and "".join(cell["source"]).strip())


def run_to_end(page, name: str, notebook: str = START, begun: bool = False) -> None:
    """On a fresh server a kernel that says it is idle may forget what it was told: then once more."""
    quiet = 0 if begun else 10
    while not finished(page, name, notebook):
        if quiet >= 10:
            run_all(page)
        resting = all(kernel["execution_state"] == "idle" for kernel in api(page, name, "api/kernels"))
        quiet = quiet % 10 + 1 if resting else 0


# A class


def a_class() -> dict[str, object]:
    """Seconds, and what was lost, of a class from login to feedback."""
    found = {}
    with machine() as (place, passwords), browsers(len(PUPILS)) as pages:
        state = place / "state"
        hub = start_hub(state, ROOT / "classroom" / "jupyterhub_config.py")
        try:
            start = time.perf_counter()
            for page, name in zip(pages, PUPILS):
                log_in(page, name, passwords[name])
            for page, name in zip(pages, PUPILS):
                page.wait_for_url(f"**/user/{name}/lab**")
            found["all five servers are there"] = time.perf_counter() - start
            start = time.perf_counter()
            for page in pages:
                pull(page, place)
            for page in pages:
                wait_open(page)
            found["all five have pulled the notebooks and see 00"] = time.perf_counter() - start
            found |= _at_work(pages, state, hub_of := [hub])
            print(found, flush=True)
            found |= _homework(pages, place)
            pages[0].screenshot(path="build/screenshots/classroom.png")
        finally:
            stop_hub(hub_of[0] if "hub_of" in locals() else hub, state)
    return found


def _at_work(pages, state: Path, hub: list) -> dict[str, object]:
    """All run notebook 00; the last one's server is killed meanwhile, and then the hub, which is started again."""
    start = time.perf_counter()
    for page in pages:
        run_all(page)
    *others, (unlucky, name) = zip(pages, PUPILS)
    unlucky.wait_for_timeout(2000)
    unlucky.keyboard.press("ControlOrMeta+s")
    unlucky.wait_for_timeout(2000)
    saved = Path(f"/srv/classroom_bench/homes/{name}/{START}").read_bytes()
    for process in servers(name):
        process.kill()
    for page, other in others:
        run_to_end(page, other, begun=True)
    found = {"the other four have run 00 to its end": time.perf_counter() - start}
    found["memory of each of the four, server and kernel"] = f"{sum(megabytes(servers(other))[0] for _, other in others) / len(others):.0f} MB"
    found["bytes of the killed student's notebook that are lost"] = len(saved) - len(Path(f"/srv/classroom_bench/homes/{name}/{START}").read_bytes())
    start = time.perf_counter()
    while unlucky.goto(f"{ADDRESS}/hub/spawn/{name}?next=/user/{name}/lab/tree/{START}", wait_until="commit").status == 503:
        time.sleep(3)  # until the hub has noticed
    wait_open(unlucky)
    run_to_end(unlucky, name)
    found["the killed student is back, and has run 00 to its end"] = time.perf_counter() - start
    before = {name: {process.pid for process in servers(name)} for name in PUPILS}
    hub[0].kill()
    hub[0].wait()
    found["students who can work while there is no hub"] = sum(bool(api(page, name, "api/status")) for page, name in zip(pages, PUPILS))
    start = time.perf_counter()
    hub[0] = start_hub(state, ROOT / "classroom" / "jupyterhub_config.py")
    found["the hub is back"] = time.perf_counter() - start
    after = {name: {process.pid for process in servers(name)} for name in PUPILS}
    found["servers and kernels that were lost with the hub"] = sum(len(before[name] - after[name]) for name in PUPILS)
    return found


def _homework(pages, place: Path) -> dict[str, object]:
    """Assignment I: released, fetched, filled in, submitted, collected, graded and returned."""
    from tests.homework.handed_in import solutions

    course, environment = place / "homes" / TEACHER / "course", {"PYTHONPATH": str(ROOT)}
    sh("mkdir", "--parents", course, user=TEACHER)
    xaitutor = [sys.executable, "-m", "xaitutor.cli", "homework"]
    start = time.perf_counter()
    sh(*xaitutor, "release", "part_1", "--course", course, user=TEACHER, **environment)
    for page, name in zip(pages, PUPILS):
        assignment = {"course_id": COURSE, "assignment_id": "part_1"}
        api(page, name, "assignments/fetch", "POST", form=assignment)
        notebook = api(page, name, "api/contents/part_1/part_1.ipynb")["content"]
        for cell in notebook["cells"]:
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
            cell["source"] = solutions("part_1").get(grade_id, cell["source"]) if name != PUPILS[-1] else cell["source"]
        api(page, name, "api/contents/part_1/part_1.ipynb", "PUT", data={"type": "notebook", "format": "json", "content": notebook})
        api(page, name, "assignments/submit", "POST", form=assignment)
    found = {"released, and fetched and submitted by five": time.perf_counter() - start}
    start = time.perf_counter()
    sh(sys.executable, "-m", "nbgrader", "collect", "part_1", f"--course-dir={course}", user=TEACHER, **environment)
    sh(*xaitutor, "grade", "part_1", "--course", course, user=TEACHER, **environment)
    sh(*xaitutor, "return", "part_1", "--course", course, user=TEACHER, **environment)
    found["collected, graded and returned"] = time.perf_counter() - start
    scores = []
    for page, name in zip(pages, PUPILS):
        api(page, name, "assignments/fetch_feedback", "POST", form={"course_id": COURSE, "assignment_id": "part_1"})
        [feedback] = Path(place, "homes", name).glob("part_1/feedback/*/part_1.html")
        scores.append(re.search(r"Score: ([\d.]+) / ([\d.]+)", feedback.read_text("utf-8"))[1])
    return found | {"points on the pages that the students have fetched": ", ".join(scores)}


# One student's server


def memory() -> list[tuple[str, str]]:
    """What a server takes: (when, what)."""
    rows = []
    with machine() as (place, passwords), browsers(1) as [page]:
        state, name = place / "state", PUPILS[0]
        hub = start_hub(state, ROOT / "classroom" / "jupyterhub_config.py")
        try:
            start = time.perf_counter()
            log_in(page, name, passwords[name])
            page.wait_for_url(f"**/user/{name}/lab**")
            rows.append(("from the login to JupyterLab", f"{time.perf_counter() - start:.1f} s"))
            rows.append(_row("JupyterLab, no notebook", name))
            pull(page, place)
            wait_open(page)
            rows.append(_row("notebook 00 open, nothing run", name))
            for number in ("00_start_here", "13_cam_and_grad_cam"):
                _open_and_run(page, name, f"xaitutor/notebooks/{number}.ipynb")
                rows.append(_row(f"{number} run to its end", name))
                _end_kernels(page, name)
            cells = [{"cell_type": "code", "source": "from xaitutor import widgets\nwidgets.studio()", "metadata": {}, "outputs": [], "execution_count": None}]
            content = {"cells": cells, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}}, "nbformat": 4, "nbformat_minor": 4}
            api(page, name, "api/contents/studio.ipynb", "PUT", data={"type": "notebook", "format": "json", "content": content})
            _open_and_run(page, name, "studio.ipynb")
            rows.append(_row("`widgets.studio()`, after its first picture", name))
        finally:
            stop_hub(hub, state)
    return rows


def _open_and_run(page, name: str, notebook: str) -> None:
    page.goto(f"{ADDRESS}/user/{name}/lab/tree/{notebook}?reset", wait_until="commit")
    wait_open(page)
    run_to_end(page, name, notebook)
    page.wait_for_timeout(3000)


def _end_kernels(page, name: str) -> None:
    for kernel in api(page, name, "api/kernels"):
        api(page, name, f"api/kernels/{kernel['id']}", "DELETE")


def _row(when: str, name: str) -> tuple[str, str]:
    own, mapped = megabytes(servers(name))
    return when, f"{own:.0f} MB ({mapped:.0f} MB with all that others map, too)"


# The hub alone


SIMULATED = """
import os
from jupyterhub.spawner import Spawner
class NoServer(Spawner):
    "A server that all share, and nobody starts."
    async def start(self): return "127.0.0.1", {port}
    async def stop(self, now=False): pass
    async def poll(self): return None
exec(open({config!r}).read())
c.JupyterHub.spawner_class = NoServer
c.Spawner.pre_spawn_hook = None
"""


async def _simulate(number: int, at_a_time: int) -> dict[str, object]:
    """Logins and spawns of simulated students, a bounded number at a time."""
    import aiohttp
    from aiohttp import web

    async def answer(request):
        return web.json_response({"version": "1"}, headers={"X-JupyterHub-Version": __import__("jupyterhub").__version__})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT + 3).start()
    gate, failures, whole = asyncio.Semaphore(at_a_time), [], []

    async def student(name: str) -> None:
        async with gate, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            try:
                async with session.get(f"{ADDRESS}/hub/login") as page:
                    token = re.search(r'name="_xsrf" value="([^"]+)"', await page.text())[1]
                async with session.post(f"{ADDRESS}/hub/login?next=/hub/home", data={"username": name, "password": "any", "_xsrf": token}) as page:
                    assert page.status == 200 and page.url.path == "/hub/home", (page.status, page.url)
                async with session.get(f"{ADDRESS}/hub/spawn/{name}") as page:
                    assert page.status < 400, page.status
                while True:
                    async with session.get(f"{ADDRESS}/user/{name}/") as page:
                        if page.status == 200 and page.url.path == f"/user/{name}/":
                            break
                    await asyncio.sleep(0.2)
                whole.append(name)
            except Exception as error:
                failures.append(f"{name}: {error!r}")

    start = time.perf_counter()
    await asyncio.gather(*(asyncio.wait_for(student(f"simulated{i}"), 300) for i in range(number)), return_exceptions=True)
    seconds = time.perf_counter() - start
    await runner.cleanup()
    missing = number - len(whole) - len(failures)
    return {"students": number, "at a time": at_a_time, "seconds": seconds, "failures": [*failures, *["no answer"] * missing]}


def hub_alone(number: int = 200, at_a_time: int = 20) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.py")
        config.write_text(SIMULATED.format(port=PORT + 3, config=str(ROOT / "classroom" / "jupyterhub_config.py")), "utf-8")
        state = Path(folder, "state")
        hub = start_hub(state, config, CLASSROOM_AUTHENTICATOR="dummy")
        try:
            found = asyncio.run(_simulate(number, at_a_time))
            process = psutil.Process(hub.pid)
            return found | {"memory of the hub": process.memory_info().rss / 1e6, "processor seconds": sum(process.cpu_times()[:2])}
        finally:
            stop_hub(hub, state)


# What goes into RESULTS.md


def section(found: dict[str, object]) -> str:
    """The three measurements, those that were made, as one section."""
    from benchmarks.run import table

    parts = ["JupyterHub as `classroom/jupyterhub_config.py` sets it up, with configurable-http-proxy; everything on loopback."]
    if "class" in found:
        rows = [(what, f"{value:.0f} s" if isinstance(value, float) else str(value)) for what, value in found["class"].items()]
        parts += [table(("five students at once, in five browsers on the same machine", ""), rows)]
    if "memory" in found:
        parts += [table(("a student's server, kernels included", ""), found["memory"]),
                  "What processes share, libraries above all, is divided among them in the first number (PSS), and counted once for each in the second (RSS). Goal: 400 MB."]
    if "class" in found:
        parts += [_room(float(found["class"]["memory of each of the four, server and kernel"].split()[0]))]
    if "hub" in found:
        parts += [_hub_alone(found["hub"])]
    return "\n\n".join(parts) + "\n"


def _room(each: float, machine: int = 64_000, rest: int = 4_000) -> str:
    """How many students find room, from the MB that each takes."""
    return (f"With {rest // 1000} GB for the system and the hub, {machine // 1000} GB are enough for {(machine - rest) / each:.0f} students at the same time, if each has one notebook open that was run, as the "
            f"four had. The build was {_torch()}: `import torch, torchvision` alone makes a kernel larger than the goal, and a CPU build was not at hand.")


def _torch() -> str:
    import torch

    return f"torch {torch.__version__}"


def _hub_alone(found: dict) -> str:
    return (f"The hub alone: {found['students']} simulated students log in and get a server that nobody had to start, {found['at a time']} at a time: {len(found['failures'])} failures, "
            f"{found['students'] / found['seconds']:.1f} students a second; {1000 * found['processor seconds'] / found['students']:.0f} ms of the hub's processor time for each; "
            f"it takes {found['memory of the hub']:.0f} MB.")


def main(part: str) -> None:
    """Measure a part, and write the section from it and what was measured of the others before."""
    from benchmarks import run

    kept = ROOT / "build" / "classroom.json"
    found = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    found[part] = {"class": a_class, "memory": memory, "hub": hub_alone}[part]()
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(found, indent=1), "utf-8")
    run.RESULTS.write_text(run.with_section(run.RESULTS.read_text("utf-8"), "Classroom", section(found)), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
