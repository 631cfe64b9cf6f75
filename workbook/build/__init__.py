"""Turn the authored text into everything that is generated: notebooks, sealed banks, the simulator, lists in documents.

``course/ch04_feature_store/lesson.py`` (jupytext py:percent, solved in place) becomes two notebooks:

- ``chapters/04_feature_store.ipynb``, unsolved and without outputs: what a learner opens;
- ``solutions/chapters/04_feature_store.ipynb``, solved, with the few outputs that nbval compares.

``course/ch04_feature_store/questions.yaml`` becomes the sealed bank ``quizzes/banks/04_feature_store.json``, and all banks
together the forms of ``quizzes/banks/forms.json``, each with its answer sheet ``quizzes/quiz-04.ipynb``, and the page that
asks them in a browser, ``quizzes/simulator.html``.
"""

from __future__ import annotations

from workbook.build.builder import Change, build, changes, store_outputs
from workbook.build.lessons import BuildError

__all__ = ["BuildError", "Change", "build", "changes", "store_outputs"]
