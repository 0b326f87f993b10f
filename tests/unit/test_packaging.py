"""The ways to install the course agree with each other, and the code is in the project's style."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def pins() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def version(requirement: Requirement) -> str:
    return str(requirement.specifier).removeprefix("==")


def test_every_package_is_pinned_exactly(pins):
    for requirement in pins.values():
        assert re.fullmatch(r"==[\w.]+", str(requirement.specifier)), requirement  # no range, no local build
        assert requirement.url is None and requirement.marker is None, requirement
    assert version(pins["torch"]) == "2.13.0"


def test_pins_hold_every_package_and_lie_in_the_tested_ranges(project, pins):
    extras = project["optional-dependencies"]
    for line in project["dependencies"] + extras["test"] + extras["bench"] + extras["site"]:
        wanted = Requirement(line)
        pinned = pins[canonicalize_name(wanted.name)]
        assert wanted.specifier.contains(version(pinned)), f"{pinned} is outside of {line}"


@pytest.mark.parametrize("name, least", [("torch", "2.11.0"), ("transformers", "5.17.0")])
def test_ranges_reach_back(project, name, least):
    ranges = {Requirement(line).name: Requirement(line).specifier for line in project["dependencies"]}
    assert ranges[name].contains(least)


def test_environment_yml_installs_what_pip_installs(project):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    python, pip, by_pip = environment["dependencies"]
    assert pip == "pip"
    assert by_pip == {"pip": ["-r requirements.txt", "-e ."]}
    assert Requirement(f"python{project['requires-python']}").specifier.contains(python.removeprefix("python="))


def test_helpers_can_be_imported_from_the_notebooks_folder():
    command = [sys.executable, "-c", "import helpers; print(helpers.__file__)"]
    done = subprocess.run(command, cwd=ROOT / "notebooks", capture_output=True, text=True, check=True, timeout=60)
    assert Path(done.stdout.strip()) == ROOT / "helpers" / "__init__.py"


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(arguments):
    command = [sys.executable, "-m", "ruff", *arguments, "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
