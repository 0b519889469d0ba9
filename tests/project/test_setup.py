"""pyproject.toml says what the course needs, requirements.lock which versions, environment.yml how conda gets them.

`drift` finds where the three disagree; the tests show that they agree, and that it would notice if they did not.
"""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
CONDA_TO_PYPI = {"pytorch-cpu": "torch", "pytorch": "torch"}
CONDA_ONLY = {"python", "pip", "setuptools"}
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {  # platform: what markers see there
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "macOS": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
}


def needed(pyproject: str) -> dict[str, Requirement]:
    """What the course asks for, to run and to be tested, by canonical name."""
    project = tomllib.loads(pyproject)["project"]
    requirements = map(Requirement, [*project["dependencies"], *project["optional-dependencies"]["test"]])
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def locked(lock: str, platform: str = "Linux", python: str = "3.11") -> dict[str, str]:
    """The version of each package that the lock names for a platform and a Python."""
    seen_by_markers = {**PLATFORMS[platform], "python_version": python, "python_full_version": f"{python}.9",
                       "implementation_name": "cpython", "platform_python_implementation": "CPython"}
    versions = {}
    for line in lock.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate(seen_by_markers):
            continue
        name, pins = canonicalize_name(requirement.name), list(requirement.specifier)
        assert len(pins) == 1 and pins[0].operator == "==", f"{line!r} is not an exact version"
        assert name not in versions, f"{name} is named twice for {platform}, Python {python}"
        versions[name] = pins[0].version
    return versions


def by_conda(environment: str) -> tuple[dict[str, Requirement], dict[str, Requirement]]:
    """What environment.yml gets from conda-forge and what by pip, both under their names on PyPI."""
    dependencies = yaml.safe_load(environment)["dependencies"]
    conda = [Requirement(line) for line in dependencies if isinstance(line, str)]
    pip = [Requirement(line) for part in dependencies if isinstance(part, dict) for line in part["pip"] if line[0] != "-"]
    names = {id(r): CONDA_TO_PYPI.get(r.name, canonicalize_name(r.name)) for r in conda + pip}
    return {names[id(r)]: r for r in conda if r.name not in CONDA_ONLY}, {names[id(r)]: r for r in pip}


def drift(pyproject: str, lock: str, environment: str) -> list[str]:
    """Where the three files disagree, one line each."""
    asked = needed(pyproject)
    conda, pip = by_conda(environment)
    found = []
    for platform in PLATFORMS:
        for python in PYTHONS:
            versions = locked(lock, platform, python)
            for name, requirement in asked.items():
                if name not in versions:
                    found.append(f"{name} is not in the lock for {platform}, Python {python}")
                elif versions[name] not in requirement.specifier:
                    found.append(f"{name}: the lock has {versions[name]}, pyproject.toml asks for {requirement.specifier}")
    versions = locked(lock)
    for name in asked.keys() - conda.keys() - pip.keys():
        found.append(f"{name} is not in environment.yml")
    for name in (conda.keys() | pip.keys()) - asked.keys():
        found.append(f"{name} is in environment.yml, but not in pyproject.toml")
    for name in conda.keys() & pip.keys():
        found.append(f"{name} is in environment.yml twice")
    for name in conda.keys() & asked.keys():
        if conda[name].specifier != asked[name].specifier:
            found.append(f"{name}: environment.yml has {conda[name].specifier}, pyproject.toml {asked[name].specifier}")
    for name in pip.keys() & asked.keys():
        if str(pip[name].specifier) != f"=={versions.get(name)}":
            found.append(f"{name}: environment.yml has {pip[name].specifier}, the lock {versions.get(name)}")
    return found


FILES = tuple((ROOT / name).read_text("utf-8") for name in ("pyproject.toml", "requirements.lock", "environment.yml"))
PYPROJECT, LOCK, ENVIRONMENT = FILES


def test_the_three_files_agree():
    assert drift(*FILES) == []


@pytest.mark.parametrize(
    "file, old, new, complaint",
    [
        (0, '"scipy>=1.14"', '"scipy>=2.0"', "scipy: the lock has 1.17.1, pyproject.toml asks for >=2.0"),
        (0, '"scipy>=1.14"', '"scipy>=1.14", "pandas"', "pandas is not in the lock for Windows, Python 3.13"),
        (0, '"scipy>=1.14"', '"scipy>=1.14", "pandas"', "pandas is not in environment.yml"),
        (0, '  "tqdm>=4.66",\n', "", "tqdm is in environment.yml, but not in pyproject.toml"),
        (0, '"torch>=2.6"', '"torch>=2.7"', "torch: environment.yml has >=2.6, pyproject.toml >=2.7"),
        (0, '"pytest>=8"', '"pytest>=10"', "pytest: the lock has 9.2.0, pyproject.toml asks for >=10"),
        (1, "\ntorch==2.14.1", "\ntorch==2.5.0", "torch: the lock has 2.5.0, pyproject.toml asks for >=2.6"),
        (1, "\nscipy==", "\n# scipy==", "scipy is not in the lock for macOS, Python 3.12"),
        (1, "\nscipy==1.17.1", "\nscipy==1.17.1 ; sys_platform == 'linux'", "scipy is not in the lock for Windows, Python 3.11"),
        (2, "scipy==1.17.1", "scipy==1.16.0", "scipy: environment.yml has ==1.16.0, the lock 1.17.1"),
        (2, "      - scikit-image==0.26.0\n", "", "scikit-image is not in environment.yml"),
        (2, "pytorch-cpu>=2.6", "pytorch-cpu", "torch: environment.yml has , pyproject.toml >=2.6"),
        (2, "- numpy>=2.0", "- numpy>=2.0\n  - seaborn", "seaborn is in environment.yml, but not in pyproject.toml"),
        (2, "      - tqdm==", "      - numpy==2.4.6\n      - tqdm==", "numpy is in environment.yml twice"),
    ],
)
def test_drift_is_noticed(file, old, new, complaint):
    assert old in FILES[file]
    changed = list(FILES)
    changed[file] = changed[file].replace(old, new)
    assert complaint in drift(*changed)


def test_what_an_extra_needs_is_tested():
    extras = tomllib.loads(PYPROJECT)["project"]["optional-dependencies"]
    assert set(extras["homework"]) <= set(extras["test"])


def test_names_are_compared_in_canonical_form():
    changed = PYPROJECT.replace('"torch-lucent', '"Torch_Lucent').replace('"pyyaml', '"PyYAML')
    assert drift(changed, LOCK, ENVIRONMENT) == []


def test_conda_and_the_course_ask_for_the_same_python():
    python = next(Requirement(d) for d in yaml.safe_load(ENVIRONMENT)["dependencies"] if d.startswith("python>"))
    assert tomllib.loads(PYPROJECT)["project"]["requires-python"] in str(python.specifier)
    assert all(version in python.specifier for version in PYTHONS)


def test_the_lock_names_no_server_and_no_folder():
    assert not re.search(r"://|^-|/(home|root|opt|tmp|work)/|@ ", LOCK, re.MULTILINE)


def test_the_lock_has_what_each_platform_needs():
    assert "pywinpty" in locked(LOCK, "Windows") and "pywinpty" not in locked(LOCK, "Linux")
    assert "triton" in locked(LOCK, "Linux") and "triton" not in locked(LOCK, "macOS")
    assert not any(name.startswith(("nvidia-", "cuda-")) for name in locked(LOCK, "Windows"))


def test_the_build_needs_nothing_outside_the_lock():
    for line in tomllib.loads(PYPROJECT)["build-system"]["requires"]:
        requirement = Requirement(line)
        assert locked(LOCK)[requirement.name] in requirement.specifier


def test_everything_that_the_course_pulls_in_is_locked():
    """Follows the requirements of the installed packages; one that the lock lacks would be installed in any version."""
    todo, reached = [("xaitutor", frozenset({"test"}))], set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in reached:
            continue
        reached.add((name, extras))
        for requirement in map(Requirement, distribution(name).requires or ()):
            if not requirement.marker or any(requirement.marker.evaluate({"extra": e}) for e in extras or {""}):
                todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    in_lock = {canonicalize_name(Requirement(line).name) for line in LOCK.splitlines() if re.match(r"\w", line)}
    assert {name for name, _ in reached} - {"xaitutor"} - in_lock == set()
    assert "numpy" in {name for name, _ in reached}


def test_every_package_of_the_source_is_installed():
    folders = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "xaitutor").rglob("__init__.py")}
    brought = {"xaitutor.data", "xaitutor.notebooks"}  # which lie beside the package
    assert set(tomllib.loads(PYPROJECT)["tool"]["setuptools"]["packages"]) == folders | brought


def test_every_dependency_has_its_reason():
    section = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("## Dependencies")[1]
    explained = set(re.findall(r"`([\w-]+)`", section))
    assert needed(PYPROJECT).keys() - explained == set()


def test_ci_runs_the_command_that_everyone_runs():
    commands = [line for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines() if "make" in line and line[0] != "#"]
    assert commands == ["exec make test </dev/null"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_a_line_that_is_no_requirement_is_refused():
    with pytest.raises(InvalidRequirement):
        locked(LOCK + "\nthis is none\n")
