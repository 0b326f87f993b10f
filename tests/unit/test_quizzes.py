"""The quizzes: sources that are sound, balanced, and right about what code prints; lessons that show what they say."""

import contextlib
import io
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from publish import quizzes
from publish.notebooks import notebooks
from publish.quizzes import LETTERS, Option, Question

ROOT = Path(__file__).parents[2]
NAMES = [path.stem for path in notebooks("core")]
SOURCES = {path.stem: path for path in quizzes.sources()}
ASKED = {name: quizzes.read(path) for name, path in SOURCES.items()}
RUN = {f"{name} {i}": asked for name in ASKED for i, asked in enumerate(ASKED[name], 1) if asked.code}
FENCE = re.compile(r"^```python\n(.*?)\n```\n", re.DOTALL | re.MULTILINE)


def lesson(name: str) -> str:
    return (ROOT / "lessons" / f"{name}.md").read_text(encoding="utf-8")


def section(text: str) -> str:
    """Return what stands between `## Quiz` and the next heading of its level."""
    return text.split("\n## Quiz\n")[1].split("\n## ")[0].strip() + "\n"


def entry(**changed) -> dict:
    """A sound question as a source has it, with some of its parts changed."""
    options = [
        {"text": "The first", "feedback": "It is not the first, for a reason given here."},
        {"text": "The second", "feedback": "It is the second, for a reason given here.", "right": True},
        {"text": "The third", "feedback": "It is not the third, for a reason given here."},
    ]
    return {"question": "Which one is it?", "options": options} | changed


def option(place: int, **changed) -> dict:
    """A question with a part of one option changed; a part set to ... is left out."""
    asked = entry()
    asked["options"][place] |= changed
    asked["options"][place] = {key: value for key, value in asked["options"][place].items() if value is not ...}
    return asked


def printing(**changed) -> dict:
    """A sound question with code, with some of its parts changed."""
    asked = entry(code="print(1 + 1)\n")
    for number, option in enumerate(asked["options"], 1):
        option["text"] = f"`{number}`"
    return asked | changed


def source(folder: Path, *entries) -> Path:
    path = folder / "09_planted.yaml"
    path.write_text(yaml.safe_dump(list(entries), allow_unicode=True), encoding="utf-8")
    return path


def unrendered(text: str) -> list[Question]:
    """Read questions back from a lesson's Markdown."""
    found = []
    for part in re.split(r"^### Question \d+\n", text, flags=re.MULTILINE)[1:]:
        asked, answered = part.split("<details><summary>Answer</summary>")
        code = FENCE.findall(asked)
        asked = FENCE.sub("", asked)
        texts, answers = (re.findall(r"^- \*\*(\w)\*\* (.*)$", half, re.MULTILINE) for half in (asked, answered))
        assert [letter for letter, _ in texts] == [letter for letter, _ in answers]
        options = [
            Option(shown, re.sub(r"^(Right|No)\. ", "", answer), answer.startswith("Right. "))
            for (_, shown), (_, answer) in zip(texts, answers)
        ]
        found.append(Question(asked.partition("\n- **A** ")[0].strip(), tuple(options), "".join(code)))
    return found


# Sources and lessons


def test_every_lesson_has_a_source():
    assert list(SOURCES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_lesson_shows_what_its_source_says(name):
    rendered = quizzes.render(quizzes.read(SOURCES[name]))
    assert section(lesson(name)) == rendered, "run `python -m publish.quizzes`"
    assert quizzes.place(lesson(name), rendered) == lesson(name)


@pytest.mark.parametrize("name", NAMES)
def test_source_is_plain_to_read(name):
    """Block style, no anchors, and no numbers or letters that reordering would break."""
    text = SOURCES[name].read_text(encoding="utf-8")
    tokens = list(yaml.scan(text))
    styles = (yaml.AnchorToken, yaml.AliasToken, yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)
    assert not [token for token in tokens if isinstance(token, styles)]
    assert not re.search(r"\b([Oo]ption|[Aa]nswer) [A-D]\b", text), "an option is not named by its letter"


def shares(keys: list[str]) -> dict[str, float]:
    return {letter: keys.count(letter) / len(keys) for letter in LETTERS}


def test_right_answers_are_spread_over_the_letters():
    for size, least, most in ((4, 0.20, 0.30), (3, 0.27, 0.40)):
        keys = [question.key for questions in ASKED.values() for question in questions if len(question.options) == size]
        assert not keys or all(least <= shares(keys)[letter] <= most for letter in LETTERS[:size]), f"{size}: {keys}"
    for name, questions in ASKED.items():
        letter, count = Counter(question.key for question in questions).most_common(1)[0]
        assert count <= len(questions) / 2, f"{name}: {letter} is right {count} times of {len(questions)}"


def longest_is_right(questions: list[Question]) -> float:
    """Return the share of the questions whose right option is longer than every other one."""
    lengths = [[(len(option.text), option.right) for option in question.options] for question in questions]
    return sum(max(each)[1] and sum(n == max(each)[0] for n, _ in each) == 1 for each in lengths) / len(lengths)


def test_the_longest_option_is_no_hint():
    assert longest_is_right([question for questions in ASKED.values() for question in questions]) <= 0.4
    assert all(longest_is_right(questions) <= 0.5 for questions in ASKED.values())


def test_a_right_option_that_is_longest_is_counted():
    answers = [Option("Long", "", True), Option("No", ""), Option("Not", "")]
    longer, tied = [*answers[:2], Option("Longer", "")], [*answers[:2], Option("Tied", "")]
    assert longest_is_right([Question("", tuple(options)) for options in (answers, longer, tied)]) == 1 / 3


@pytest.mark.parametrize("name", NAMES)
def test_a_quiz_has_five_questions_and_two_are_answered_by_running_code(name):
    assert len(ASKED[name]) >= 5 and sum(bool(question.code) for question in ASKED[name]) >= 2


@pytest.mark.parametrize("name", RUN)
def test_code_prints_the_right_option(name):
    question, printed = RUN[name], io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(question.code, name, "exec"), {"__name__": "__main__"})
    options = {f"{option.text.strip('`')}\n": option.right for option in question.options}
    assert options.get(printed.getvalue()), f"it prints {printed.getvalue()!r}"


# Reading


def test_a_sound_source_is_read(tmp_path):
    [question] = quizzes.read(source(tmp_path, entry()))
    assert question.text == "Which one is it?" and question.key == "B"
    assert [option.right for option in question.options] == [False, True, False]
    [question] = quizzes.read(source(tmp_path, printing()))
    assert question.code == "print(1 + 1)" and question.markdown.endswith("?\n\n```python\nprint(1 + 1)\n```")
    four = {"text": "The fourth", "feedback": "It is not the fourth, for a reason given here.", "right": False}
    [question] = quizzes.read(source(tmp_path, entry(options=[*entry()["options"], four])))
    assert len(question.options) == 4


@pytest.mark.parametrize(
    "fault, said",
    [
        (option(1, right=False), "has 0 right options"),
        (option(1, right=...), "has 0 right options"),
        (option(0, right=True), "has 2 right options"),
        (option(0, right="yes"), "Option A of question 2 of 09_planted.yaml has 'yes' for right"),
        (entry(options=entry()["options"][:2]), "does not have 3 to 4 options"),
        (entry(options=entry()["options"] * 2), "does not have 3 to 4 options"),
        (entry(options=None), "does not have 3 to 4 options"),
        (entry(hint="Count them."), "has the unknown key 'hint'"),
        (entry(code="print(2)"), "has code, and an option that is not a printed line in backticks"),
        (printing(code=" \n"), "The code of question 2 of 09_planted.yaml is empty"),
        (printing(code="a = 1\nb = 2\nc = 3\nd = 4\nprint(a)\n"), "has code of more than four lines"),
        (printing(code=f"print('{'a' * 80}')\n"), "has code of more than four lines, or a line of more than 80"),
        (option(0, rigth=True), "has the unknown key 'rigth'"),
        ({"question": "Which one is it?"}, "has no 'options'"),
        (option(2, feedback=...), "Option C of question 2 of 09_planted.yaml has no 'feedback'"),
        ("Which one is it?", "has no keys"),
        (entry(question=" \n"), "The text of question 2 of 09_planted.yaml is empty"),
        (option(0, text=""), "The text of option A of question 2 of 09_planted.yaml is empty"),
        (option(0, text=None), "The text of option A of question 2 of 09_planted.yaml is empty"),
        (option(0, text=0.8), "is 0.8 to YAML and no text"),
        (option(0, feedback=""), "The feedback of option A of question 2 of 09_planted.yaml is empty"),
        (option(0, feedback="It is something else, I fear."), "has feedback of 29 characters"),
        (option(0, feedback="No. It is not the first, for a reason."), "starts with Right or No"),
        (option(0, feedback="It is not the first.\nA reason is given here."), "more than one line"),
        (option(0, text="The second"), "has the same option twice"),
        (option(0, text=" The second "), "has the same option twice"),
        (entry(question="Which one?\n\n## Not this"), "starts with ##"),
    ],
)
def test_faults_are_named(tmp_path, fault, said):
    with pytest.raises(ValueError, match=re.escape(said)) as raised:
        quizzes.read(source(tmp_path, entry(), fault))
    message = str(raised.value)
    assert "uestion 2 of 09_planted.yaml" in message
    assert message.endswith(".") and "\n" not in message, "one sentence"


def test_feedback_of_thirty_characters_is_enough(tmp_path):
    [question] = quizzes.read(source(tmp_path, option(0, feedback="It is something else, I think.")))
    assert len(question.options[0].feedback) == 30


@pytest.mark.parametrize("text", ["", "question: Which one is it?", "- question: Which: one?"])
def test_what_is_no_list_of_questions_is_refused(tmp_path, text):
    path = tmp_path / "09_planted.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="^09_planted.yaml is not "):
        quizzes.read(path)


# Rendering


@pytest.mark.parametrize("name", NAMES)
def test_rendered_questions_read_back(name):
    questions = quizzes.read(SOURCES[name])
    assert unrendered(quizzes.render(questions)) == questions


def test_markdown_of_a_question():
    options = (Option("$\\frac{1}{2}$", "Twice that."), Option("*One*", "Just so.", True), Option("`2`", "Half that."))
    assert quizzes.render([Question("How many?", options)] * 2).count("### Question ") == 2
    assert quizzes.render([Question("How many?", options, "print(1)")]) == (
        quizzes.INTRO + "### Question 1\n\nHow many?\n\n```python\nprint(1)\n```\n\n"
        "- **A** $\\frac{1}{2}$\n- **B** *One*\n- **C** `2`\n\n"
        "<details><summary>Answer</summary>\n\n"
        "- **A** No. Twice that.\n- **B** Right. Just so.\n- **C** No. Half that.\n\n</details>\n"
    )


def test_the_quiz_replaces_the_old_one_and_nothing_else():
    before, after = "# Title\n\n## Discussion\n\nText.\n\n## Quiz\n", "## Sources\n\n- One\n"
    new = quizzes.place(f"{before}\n### Question 1\n\nOld $\\alpha$\n\n{after}", "New $\\beta \\1$\n")
    assert new == f"{before}\nNew $\\beta \\1$\n\n{after}"
    assert quizzes.place(new, "New $\\beta \\1$\n") == new
    assert quizzes.place(before, "New\n") == f"{before}\nNew\n", "a quiz may be the last part"


@pytest.mark.parametrize("text", ["# Title\n\n### Quiz\n", "## Quiz\n\n## Quiz\n", "## Quizzes\n"])
def test_a_lesson_has_one_quiz(text):
    with pytest.raises(ValueError, match="instead of one"):
        quizzes.place(text, "New\n")


def test_write_changes_what_is_stale_and_nothing_after_an_error(tmp_path):
    folder = tmp_path / "lessons" / "quizzes"
    folder.mkdir(parents=True)
    for name in NAMES[:2]:
        (folder / f"{name}.yaml").write_bytes(SOURCES[name].read_bytes())
        (tmp_path / "lessons" / f"{name}.md").write_text(lesson(name), encoding="utf-8")
    stale = tmp_path / "lessons" / f"{NAMES[0]}.md"
    stale.write_text(lesson(NAMES[0]).replace("### Question 1", "### Question 9"), encoding="utf-8")

    second = tmp_path / "lessons" / f"{NAMES[1]}.md"
    second.write_text("# No quiz here\n", encoding="utf-8")
    with pytest.raises(ValueError, match=f"^{second.name} "):
        quizzes.write(tmp_path)
    assert "### Question 9" in stale.read_text(encoding="utf-8")

    second.write_text(lesson(NAMES[1]), encoding="utf-8")
    assert quizzes.write(tmp_path) == [stale]
    assert stale.read_text(encoding="utf-8") == lesson(NAMES[0])
    assert quizzes.write(tmp_path) == []
