"""classroom/: what the image, the hub and the values for Kubernetes must hold to. (The image itself is built by the workflow `classroom`.)"""

import json
import re
import sys
import types
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.project.test_setup import LOCK, locked

ROOT = Path(__file__).resolve().parents[2]
CLASSROOM = ROOT / "classroom"
PAGE = (ROOT / "docs" / "classroom.md").read_text("utf-8")


def instructions(text):
    """(word, rest) of each instruction of a Dockerfile, lines that go on put together."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip() and line[0] != "#"]


DOCKERFILE = instructions((CLASSROOM / "Dockerfile").read_text("utf-8"))


def of(word, found=DOCKERFILE):
    return [rest for name, rest in found if name == word]


def last_stage():
    return DOCKERFILE[max(i for i, (name, _) in enumerate(DOCKERFILE) if name == "FROM"):]


def test_the_image_is_what_repo2docker_and_binder_want():
    assert {name for name, _ in DOCKERFILE} <= {"FROM", "WORKDIR", "COPY", "RUN", "ARG", "ENV", "USER", "EXPOSE", "CMD"}  # no ENTRYPOINT, no ADD
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+( AS \w+)?", base) for base in of("FROM"))  # never "latest"
    assert {"NB_USER=jovyan", "NB_UID=1000"} == set(of("ARG")) and "HOME=/home/${NB_USER}" in of("ENV")[-1]
    assert of("USER", last_stage()) == ["${NB_UID}"] and [name for name, _ in last_stage()][-4:] == ["USER", "WORKDIR", "EXPOSE", "CMD"]
    assert json.loads(of("CMD")[0])[0] == "jupyterhub-singleuser"


def test_the_image_holds_no_solution_and_locked_versions():
    copied = of("COPY", last_stage())
    assert "." not in {words.split()[-2] for words in copied} and "--from=edition /edition /opt/edition" in copied
    installs = [line for line in of("RUN") if "pip install" in line]
    assert installs and all("requirements.lock" in line for line in installs)
    assert any("download.pytorch.org/whl/cpu" in line for line in installs) and any("xaitutor download squeezenet1_0" in line for line in of("RUN"))
    for line in copied:
        sources = [word for word in line.split()[:-1] if not word.startswith("-") and "--from" not in line]
        assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_hub_comes_in_exact_versions_that_go_with_the_lock():
    lines = [Requirement(line) for line in (CLASSROOM / "requirements.txt").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert {"jupyterhub", "nbgitpuller"} <= {line.name for line in lines}
    assert all(str(line.specifier).startswith("==") for line in lines)
    assert {line.name for line in lines} & locked(LOCK).keys() == set()  # what is in both could disagree


VALUES = yaml.safe_load((CLASSROOM / "values.yaml").read_text("utf-8"))


def test_the_values_for_kubernetes():
    server = VALUES["singleuser"]
    assert server["image"]["tag"] != "latest" and server["memory"] == {"guarantee": "1G", "limit": "2G"}
    [volume], [mount] = server["storage"]["extraVolumes"], server["storage"]["extraVolumeMounts"]
    assert volume["name"] == mount["name"] and mount["mountPath"] in (CLASSROOM / "nbgrader_config.py").read_text("utf-8")
    assert VALUES["cull"]["enabled"] and "dummy" not in json.dumps(VALUES)  # who may come in is the university's
    code = VALUES["hub"]["extraConfig"]["classroom"]
    c, spawner = config(code), types.SimpleNamespace(user=types.SimpleNamespace(id=7, admin=False))
    first, last = (int(word) for word in re.search(r"seq (\d+) (\d+)", " ".join(of("RUN"))).groups())
    assert first <= c.KubeSpawner.uid(spawner) == 10007 <= last
    c.KubeSpawner.pre_spawn_hook(spawner)
    assert spawner.args == []
    assert c.KubeSpawner.pod_security_context == {"fsGroupChangePolicy": "OnRootMismatch"}  # nobody reads what others hand in


class Config(types.SimpleNamespace):
    def __getattr__(self, name):
        setattr(self, name, Config())
        return getattr(self, name)


def config(code, **names):
    c = Config()
    exec(code, {"c": c, "get_config": lambda: c, **names})
    return c


posix = pytest.mark.skipif(sys.platform == "win32", reason="JupyterHub is not for Windows")


def hub(monkeypatch, folder, **environment):
    for name, value in {"CLASSROOM_STATE": str(folder), **environment}.items():
        monkeypatch.setenv(name, value)
    return config((CLASSROOM / "jupyterhub_config.py").read_text("utf-8"))


@posix
@pytest.mark.parametrize("address", ["http://0.0.0.0:8000", "http://:8000", "https://192.0.2.7", "http://[::]:8000"])
@pytest.mark.parametrize("name", ["dummy", "jupyterhub.auth.DummyAuthenticator"])
def test_the_dummy_authenticator_is_refused_outside_this_machine(monkeypatch, tmp_path, address, name):
    with pytest.raises(SystemExit, match="lets everybody in as anybody"):
        hub(monkeypatch, tmp_path, CLASSROOM_ADDRESS=address, CLASSROOM_AUTHENTICATOR=name)


@posix
@pytest.mark.parametrize("address", ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000"])
def test_and_let_in_on_this_machine(monkeypatch, tmp_path, address):
    c = hub(monkeypatch, tmp_path, CLASSROOM_ADDRESS=address, CLASSROOM_AUTHENTICATOR="dummy")
    assert c.JupyterHub.bind_url == address and c.JupyterHub.authenticator_class == "dummy"


@posix
def test_the_hub_keeps_its_secrets_and_gives_the_formgrader_to_instructors(monkeypatch, tmp_path):
    first, second = hub(monkeypatch, tmp_path), hub(monkeypatch, tmp_path)
    assert first.ConfigurableHTTPProxy.auth_token == second.ConfigurableHTTPProxy.auth_token and len(second.ConfigurableHTTPProxy.auth_token) == 64
    assert (tmp_path / "proxy_token").stat().st_mode & 0o077 == 0
    assert first.JupyterHub.authenticator_class == "pam" and first.JupyterHub.bind_url == "http://127.0.0.1:8000"
    for admin in (True, False, True):
        spawner = types.SimpleNamespace(user=types.SimpleNamespace(admin=admin), args=first.Spawner.args)
        first.Spawner.pre_spawn_hook(spawner)
        assert sum("formgrader" in word for word in spawner.args) == admin


def test_the_service_starts_the_hub_as_the_page_does_and_ends_nobody_with_it():
    service = (CLASSROOM / "jupyterhub.service").read_text("utf-8").splitlines()
    started = re.search(r"export PATH=(\S+):\$PATH (\S+) (\S+)\n +(.+)", PAGE)
    assert {f"Environment={started[2]}", f"Environment={started[3]}", f"ExecStart={started[1]}/{started[4]}", "KillMode=process"} <= set(service)


def test_the_page_names_files_that_are_there_and_the_versions_in_use():
    for name in re.findall(r"(?<![/\w])classroom/[\w.]+\w", PAGE):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"`(\w+\.(?:py|yaml|txt))`", PAGE):
        assert (CLASSROOM / name).exists(), name
    steps = yaml.safe_load((ROOT / ".github" / "workflows" / "classroom.yml").read_text("utf-8"))["jobs"]["image"]["steps"]
    assert any("docker build --file classroom/Dockerfile" in step.get("run", "") for step in steps)
