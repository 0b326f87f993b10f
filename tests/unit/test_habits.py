"""What contributors and machines are told is true: contributing, citation, hooks, and workflows name what exists.

Each rule is a small function that returns what is wrong; faults are planted in front of it to show that it can fail.
"""

import datetime
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from publish.notebooks import FOLDERS, notebooks

ROOT = Path(__file__).parents[2]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


CONTRIBUTING, README, MAKEFILE = read("CONTRIBUTING.md"), read("README.md"), read("Makefile")
PYPROJECT = tomllib.loads(read("pyproject.toml"))
PROJECT = PYPROJECT["project"]
WORKFLOWS = {
    path.name: yaml.safe_load(path.read_text("utf-8")) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))
}
HOOKS = yaml.safe_load(read(".pre-commit-config.yaml"))
CITATION = yaml.safe_load(read("CITATION.cff"))


# What a text tells its reader to type, open, or run


def code_of(markdown: str) -> str:
    """Return what stands in fenced blocks, without comments, and in backticks, line by line."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", markdown, re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", markdown, flags=re.DOTALL | re.MULTILINE))
    spans += re.findall(r"`([^`\n]+)`", "\n".join(blocks))  # a comment may quote a command
    return "\n".join([re.sub(r"(^|\s)#.*", "", line) for block in blocks for line in block.splitlines()] + spans)


def commands_of(workflow: dict) -> str:
    return "\n".join(step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step)


TOLD = {
    "README.md": code_of(README),
    "CONTRIBUTING.md": code_of(CONTRIBUTING),
    ".ci/run": re.sub(r"(^|\s)#.*", "", read(".ci/run")),
    **{name: commands_of(workflow) for name, workflow in WORKFLOWS.items()},
}


def made(code: str) -> set[str]:
    """Return the targets of every call of make."""
    return set(re.findall(r"\bmake\s+(?:[A-Z]+=\S+\s+)*([a-z][\w-]*)", code))


def targets(makefile: str) -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", makefile, re.MULTILINE))


def paths(code: str) -> list[str]:
    """Return the words that look like a file or folder of this project: those made under build/ or .venv/ do not."""
    words = {re.sub(r"^[A-Z_]+=", "", word.strip("\"'();,")).partition("::")[0] for word in code.split()}
    named = re.compile(r"[\w.*-]+(/[\w.*-]+)+/?|[\w.*-]+/|[\w.-]+\.(md|py|ipynb|toml|txt|ya?ml|json|cff|svg)|Makefile")
    return sorted(word for word in words if named.fullmatch(word) and not re.match(r"(build|\.venv)/", word))


def exists(path: str) -> bool:
    """Is this file or folder here? NAME stands for any name, NN for two digits, * for anything; one match is enough.

    A notebook may be the first of its folder: that one has to be known to publish.notebooks.
    """
    pattern = re.sub(r"\bNN(?=_)", "[0-9][0-9]", path).replace("NAME", "[!_]*")
    if pattern == path and "*" not in path:
        return (ROOT / path).is_dir() if path.endswith("/") else (ROOT / path).exists()
    first = path.endswith(".ipynb") and Path(path).parent.as_posix() in FOLDERS.values()
    return first or any(ROOT.glob(pattern))


def strangers(code: str) -> set[str]:
    """Return the modules run by `python -m` that are neither ours nor part of what the course installs."""
    extras = sum(PROJECT["optional-dependencies"].values(), [])
    known = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"] + extras}
    known |= {"pip", "venv", "jupyter"}  # Python's own; jupyterlab brings jupyter
    modules = set(re.findall(r"\bpython\S* -m ([\w.]+)", code))
    ours = {name for name in modules if name.split(".")[0] in ("helpers", "publish")}
    files = {name: ROOT / name.replace(".", "/") for name in ours}
    lost = {name for name, path in files.items() if not (path.with_suffix(".py")).is_file()}
    lost = {name for name in lost if not (files[name] / "__main__.py").is_file()}
    return lost | {name for name in modules - ours if name.split(".")[0] not in known}


@pytest.mark.parametrize("name", TOLD)
def test_make_has_every_target_that_is_named(name):
    assert made(TOLD[name]) or name != "README.md", "the search for targets is broken"
    assert made(TOLD[name]) <= targets(MAKEFILE)


def test_a_target_that_is_missing_is_found():
    code = code_of(
        "Run `make tset`, `make outputs NB=x.ipynb`, `make PYTHON=python3.12 lab`.\n```bash\nmake run # lab\n```\n"
    )
    assert made(code) == {"tset", "outputs", "lab", "run"}
    assert targets("READY := x\nlab: ready\n\tdo\noutputs: export A = 1\n") == {"lab", "outputs"}
    assert not made(code_of("Windows, or no make: it makes no difference, make sure of it."))


@pytest.mark.parametrize("path", paths(TOLD["CONTRIBUTING.md"]))
def test_contributing_names_only_what_exists(path):
    assert exists(path), f"CONTRIBUTING.md names {path}, which is not here"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_name_only_what_exists(name):
    assert [path for path in paths(TOLD[name]) if not exists(path)] == []


def test_a_path_that_is_missing_is_found():
    code = code_of(
        "`helpers/` `make outputs NB=notebook/01_attention.ipynb` `build/site` `x = a/(b)`\n```\nls Makefile\n```\n"
    )
    assert paths(code) == ["Makefile", "helpers/", "notebook/01_attention.ipynb"]
    for path in (
        "helpers/",
        "Makefile",
        "lessons/NN_NAME.md",
        "data/results/NAME-full.json",
        "tests/claims/plants_*.py",
    ):
        assert exists(path), path
    for path in ("helpres/", "Makefile/", "lessons/NN_NAME.rst", "data/NAME-full.json", "notebook/NN_NAME.ipynb"):
        assert not exists(path), path


@pytest.mark.parametrize("name", TOLD)
def test_python_runs_only_modules_that_are_here(name):
    if name != "README.md":  # the README is held by the tests of what it describes
        assert strangers(TOLD[name]) == set()


def test_a_module_that_is_missing_is_found():
    code = "python -m publish.slides mark\n.venv/bin/python -m publish.sides\npython -m tox\npython -m pytest x\n"
    assert strangers(code) == {"publish.sides", "tox"}


# CONTRIBUTING.md


def page_faults(text: str) -> list[str]:
    lines = text.splitlines()
    faults = [f"{len(lines)} lines are more than a page"] * (len(lines) > 90)
    machine = re.compile(r"(?<![\w.])/(home|root|Users|tmp)/|\b[A-Z]:\\")
    return faults + [f"names a path of a machine: {line}" for line in lines if machine.search(line)]


def test_contributing_is_one_page_for_every_machine():
    assert page_faults(CONTRIBUTING) == []


@pytest.mark.parametrize("folder", ["/" + "home/me", "/" + "Users/me", "C:" + "\\course"])
def test_a_page_too_long_or_of_one_machine_is_found(folder):
    assert len(page_faults(f"Go to `{folder}/notebooks`.")) == 1
    assert len(page_faults("line\n" * 91)) == 1 and not page_faults("line\n" * 90)


# Workflows


def triggers(workflow: dict) -> set[str]:
    return set(workflow.get("on", workflow.get(True)))  # YAML 1.1 reads the key `on` as true


def workflow_faults(workflow: dict) -> list[str]:
    """Return what makes a workflow run for hours, run what it did not name, or hold rights that it does not need."""
    faults = []
    if workflow.get("permissions") != {"contents": "read"}:
        faults.append("the workflow may do more than read")
    for name, job in workflow["jobs"].items():
        limit = job.get("timeout-minutes")
        if type(limit) is not int or not 1 <= limit <= 120:
            faults.append(f"{name} has no limit of at most two hours")
        uses = [step["uses"] for step in job["steps"] if "uses" in step]
        loose = [action for action in uses if not re.fullmatch(r"[\w.-]+(/[\w.-]+)+@(v\d[\d.]*|[0-9a-f]{40})", action)]
        faults += [f"{name} uses {action} without a version" for action in loose]
        deploys = any(action.startswith("actions/deploy-pages@") for action in uses)
        if deploys and "default_branch" not in job.get("if", ""):
            faults.append(f"{name} deploys from any branch")
        if deploys and not job.get("needs"):
            faults.append(f"{name} deploys what was not tested")
        rights = {"contents": "read", "pages": "write", "id-token": "write"} if deploys else None
        if job.get("permissions") != rights:
            faults.append(f"{name} has other rights than it needs")
    return faults


def pythons(workflow: dict) -> list:
    """Return every version of Python that the jobs ask for, as YAML read it."""
    found = []
    for job in workflow["jobs"].values():
        found += job.get("strategy", {}).get("matrix", {}).get("python", [])
        found += [step.get("with", {}).get("python-version", "${{") for step in job["steps"]]
    return [version for version in found if "${{" not in str(version)]


def version_faults(versions: list, supported: str, lowest: str) -> list[str]:
    """Return which versions are no text (3.10 is 3.1 to YAML) or outside of what is supported, and a wrong lowest."""
    if no_text := [version for version in versions if not isinstance(version, str)]:
        return [f"{version} needs quotes" for version in no_text]
    faults = [f"{version} is not supported" for version in versions if version not in SpecifierSet(supported)]
    first = min(versions, key=lambda version: tuple(map(int, version.split("."))), default=None)
    return faults + [f"the lowest is {first}, not {lowest}"] * (first != lowest)


def lowest_python() -> str:
    return re.sub(r"py(\d)(\d+)", r"\1.\2", PYPROJECT["tool"]["ruff"]["target-version"])


def test_there_is_a_workflow_that_runs_every_test():
    workflow = WORKFLOWS["test.yml"]
    assert triggers(workflow) >= {"push", "pull_request", "workflow_dispatch"}
    assert ".ci/run" in commands_of(workflow).split()
    assert os.name == "nt" or os.access(ROOT / ".ci/run", os.X_OK)
    assert workflow["jobs"]["site"]["needs"] == "linux"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_are_limited_and_pinned(name):
    assert workflow_faults(WORKFLOWS[name]) == []
    assert "://" not in (ROOT / ".github/workflows" / name).read_text("utf-8"), (
        "addresses are variables of a repository"
    )


GOOD = """
on: [push]
permissions: {contents: read}
jobs:
  site:
    if: github.ref == github.event.repository.default_branch
    needs: linux
    timeout-minutes: 5
    permissions: {contents: read, pages: write, id-token: write}
    steps: [{uses: actions/checkout@v5}, {uses: actions/deploy-pages@v4}]
"""


@pytest.mark.parametrize(
    "old, new",
    [
        ("timeout-minutes: 5", "timeout-minutes: 600"),
        ("timeout-minutes: 5", "name: no limit"),
        ("checkout@v5", "checkout"),
        ("checkout@v5", "checkout@main"),
        ("permissions: {contents: read}", "permissions: write-all"),
        ("permissions: {contents: read}", "name: all rights"),
        ("id-token: write", "packages: write"),
        ("repository.default_branch", "ref"),
        ("needs: linux", "name: untested"),
    ],
)
def test_a_loose_workflow_is_found(old, new):
    assert workflow_faults(yaml.safe_load(GOOD)) == [] and triggers(yaml.safe_load(GOOD)) == {"push"}
    assert GOOD.count(old) == 1
    assert len(workflow_faults(yaml.safe_load(GOOD.replace(old, new)))) == 1


def test_python_versions_agree_everywhere():
    versions, lowest = pythons(WORKFLOWS["test.yml"]), lowest_python()
    assert len(set(versions)) >= 3
    assert version_faults(versions, PROJECT["requires-python"], lowest) == []
    environment = yaml.safe_load(read("environment.yml"))
    assert f"python={lowest}" in environment["dependencies"]


@pytest.mark.parametrize("versions", [["3.11", "3.10"], ["3.12"], [3.11], ["3.11", "3.15"], []])
def test_a_wrong_python_is_found(versions):
    matrix = {"jobs": {"a": {"strategy": {"matrix": {"python": versions}}, "steps": [{"run": "x"}]}}}
    assert version_faults(pythons(matrix), ">=3.11,<3.15", "3.11")


def install_faults(commands: str, readme: str) -> list[str]:
    """Return the lines with pip that are not the README's lines for Windows, in an active environment."""
    told = [line.replace(".venv\\Scripts\\", "") for line in code_of(readme).splitlines()]
    return [line for line in commands.splitlines() if " -m pip " in line and line not in told]


def test_other_systems_install_as_the_readme_says():
    elsewhere = commands_of({"jobs": {"elsewhere": WORKFLOWS["test.yml"]["jobs"]["elsewhere"]}})
    assert elsewhere.count(" -m pip install ") == 3
    assert install_faults(elsewhere, README) == []
    (pin,) = re.findall(r"^torch==\S+", read("requirements.txt"), re.MULTILINE)
    assert pin in elsewhere.split()


def test_another_installation_is_found():
    readme = "```\n.venv\\Scripts\\python -m pip install -r requirements.txt\n```\n"
    assert install_faults("python -m pip install -r requirements.txt\npython -m pytest", readme) == []
    assert install_faults("python -m pip install torch==1.0", readme) == ["python -m pip install torch==1.0"]


def test_the_site_is_taken_from_where_it_is_made():
    steps = WORKFLOWS["test.yml"]["jobs"]["site"]["steps"]
    (folder,) = [step["with"]["path"] for step in steps if "upload-pages" in step.get("uses", "")]
    (line,) = re.findall(r"^site: .*$", MAKEFILE, re.MULTILINE)
    assert re.search(rf"\bin {re.escape(folder)}[;,\s]", line), f"make site writes elsewhere: {line}"


# Hooks


def hook_faults(config: dict) -> list[str]:
    """Return what a hook would download, or run although the project does not have it."""
    faults = [f"{repo['repo']} is downloaded" for repo in config["repos"] if repo["repo"] != "local"]
    for hook in (hook for repo in config["repos"] for hook in repo["hooks"]):
        entry = hook.get("entry", "")
        if hook.get("language") != "system" or hook.get("additional_dependencies"):
            faults.append(f"{hook['id']} makes an environment of its own")
        if not re.match(r"python -m (ruff|pytest) ", entry):
            faults.append(f"{hook['id']} runs neither ruff nor pytest: {entry}")
        faults += [f"{hook['id']} names {path}, which is not here" for path in paths(entry) if not exists(path)]
    return faults


def hooks() -> dict[str, dict]:
    return {hook["id"]: hook for repo in HOOKS["repos"] for hook in repo["hooks"]}


def test_hooks_download_nothing_and_run_what_is_here():
    assert hook_faults(HOOKS) == []
    assert {"ruff", "pytest"} <= {Requirement(line).name for line in PROJECT["optional-dependencies"]["test"]}


@pytest.mark.parametrize(
    "change",
    [
        {"language": "python"},
        {"additional_dependencies": ["ruff"]},
        {"entry": "ruff check"},
        {"entry": "python -m black --check"},
        {"entry": "python -m pytest tests/unit/test_hygeine.py"},
    ],
)
def test_a_foreign_hook_is_found(change):
    hook = {"id": "a", "entry": "python -m pytest tests/unit", "language": "system"}
    assert hook_faults({"repos": [{"repo": "local", "hooks": [hook]}]}) == []
    assert len(hook_faults({"repos": [{"repo": "local", "hooks": [hook | change]}]})) == 1
    assert len(hook_faults({"repos": [{"repo": "elsewhere/ruff", "hooks": [hook]}]})) == 1


def test_hygiene_runs_for_notebooks_alone():
    hook = hooks()["notebook-hygiene"]
    assert hook["pass_filenames"] is False
    core = [path.relative_to(ROOT).as_posix() for path in notebooks()]
    assert all(re.search(hook["files"], path) for path in [*core, "notebooks/depth/01_scale.ipynb"])
    assert not any(re.search(hook["files"], path) for path in ("helpers/bert.py", "lessons/README.md", "a.ipynb"))


@pytest.mark.parametrize("name, fault", [("ruff-check", "import os\n"), ("ruff-format", "x=1\n")])
def test_ruff_hooks_pass_good_code_and_stop_bad(name, fault, tmp_path):
    program, *arguments = shlex.split(hooks()[name]["entry"])
    assert program == "python"
    for source, stopped in [('"""Nothing."""\n', False), (fault, True)]:
        (tmp_path / "file.py").write_text(source, encoding="utf-8")
        command = [sys.executable, *arguments, "--no-cache", str(tmp_path / "file.py")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert (done.returncode == 1) == stopped, done.stdout + done.stderr


# CITATION.cff


def citation_faults(citation: dict, project: dict) -> list[str]:
    """Return which of the format's required keys are missing, and what pyproject.toml says differently."""
    required = (
        "cff-version",
        "message",
        "title",
        "abstract",
        "authors",
        "version",
        "date-released",
        "license",
        "keywords",
    )
    faults = [f"{key} is missing" for key in required if not citation.get(key)]
    if faults:
        return faults
    told = {
        "cff-version": (citation["cff-version"], "1.2.0"),
        "type": (citation.get("type"), "software"),
        "version": (citation["version"], project["version"]),
        "authors": (citation["authors"], project["authors"]),
        "license": (sorted(citation["license"]), sorted([project["license"], "CC-BY-4.0"])),
        "date-released": (type(citation["date-released"]), datetime.date),
    }
    return [f"{key} is {ours!r}, not {wanted!r}" for key, (ours, wanted) in told.items() if ours != wanted]


def test_citation_is_complete_and_agrees_with_the_project():
    assert citation_faults(CITATION, PROJECT) == []


@pytest.mark.parametrize(
    "key, value",
    [
        ("version", "0.0.1"),
        ("cff-version", 1.2),
        ("message", None),
        ("authors", [{"name": "Ada"}]),
        ("license", ["MIT", "CC-BY-4.0"]),
        ("date-released", "28 November"),
        ("type", "article"),
    ],
)
def test_a_wrong_citation_is_found(key, value):
    assert len(citation_faults(CITATION | {key: value}, PROJECT)) == 1
