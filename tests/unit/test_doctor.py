"""`make check` has a line for each requirement, and says what to do."""

from helpers.classroom import doctor


def test_the_check_has_a_line_for_each_requirement(capsys):
    holds = doctor.check()
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(("ok ", "DO ")) for line in lines)
    assert holds == all(line.startswith("ok ") for line in lines)
    text = "\n".join(lines)
    for what in (
        "Python 3",
        "torch 2",
        "transformers",
        "jupyterlab",
        "reviews wheel",
        "encoder wheel",
        "GPU",
        "memory",
    ):
        assert what in text
    assert text.count("as pinned") == 2


def test_the_check_says_what_to_do(capsys):
    assert not doctor._check_package("no-such-package", "1.2.3")
    assert capsys.readouterr().out.split() == (
        "DO no-such-package is missing: python -m pip install no-such-package==1.2.3".split()
    )
