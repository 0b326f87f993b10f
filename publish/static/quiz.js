// Makes the quiz of a lesson clickable: each option becomes a button that shows its own explanation and says whether it
// is right; who is wrong may try again. Without JavaScript, the page keeps its folded answers.
"use strict";

for (const folded of document.querySelectorAll("#quiz details")) {
  const list = folded.previousElementSibling;
  const answers = [...folded.querySelectorAll("li > p")];
  const options = [...list.querySelectorAll("li > p")].map((text, i) => {
    const answer = answers[i];
    answer.firstElementChild.remove(); // the letter, which the option has as well
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    button.append(...text.childNodes);
    const mark = document.createElement("span");
    mark.className = "quiz-mark";
    const feedback = document.createElement("div");
    feedback.setAttribute("role", "status"); // screen readers say what appears in it
    feedback.append(answer);
    answer.hidden = true;
    button.append(mark);
    text.parentElement.replaceChildren(button, feedback);
    return { answer, button, mark, right: answer.textContent.trim().startsWith("Right.") };
  });

  for (const chosen of options) {
    chosen.button.addEventListener("click", () => {
      for (const option of options) {
        option.answer.hidden = option !== chosen;
        option.button.setAttribute("aria-pressed", String(option === chosen));
      }
      chosen.button.classList.add(chosen.right ? "quiz-right" : "quiz-wrong");
      chosen.mark.textContent = chosen.right ? "✓ right answer" : "✗ not this one";
    });
  }

  list.classList.add("quiz-options");
  folded.remove();
}
