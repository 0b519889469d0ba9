"""A hard tree on what a scene is made of: it is given what a human could name, and says in rules what a network answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from xaitutor.menagerie.scene import CLASSES, COATS, COLOURS, PLACES, SHAPES, Scene
from xaitutor.surrogates.imitation import classes

NAMED = {"shape": SHAPES, "coat": COATS, "colour": COLOURS, "place": PLACES}
MEASURED = ("size", "x", "y", "facing", "stride", "head", "tail", "light", "cover")
WORTHWHILE = 0.002  # of Gini impurity: a question that mends one answer in a thousand is worth asking, a rule for a single odd picture is not


def factor_table(scenes: Sequence[Scene]) -> tuple[np.ndarray, list[str]]:
    """The factors of scenes as numbers (N, columns), and the columns' names.

    A named factor has a column for each level, 1 where the scene has it ("coat is stripes"); a measured one has one ("size").
    """
    columns = {f"{factor} is {level}": [getattr(scene, factor) == level for scene in scenes]
               for factor, levels in NAMED.items() for level in levels}
    columns |= {factor: [getattr(scene, factor) for scene in scenes] for factor in MEASURED}
    return np.array(list(columns.values()), dtype=float).T, list(columns)


@dataclass(frozen=True)
class FactorTree:
    """A hard decision tree on the factors of scenes: `classifier`, fitted by scikit-learn to the columns of `factor_table`."""

    classifier: DecisionTreeClassifier

    def predict(self, scenes: Sequence[Scene]) -> np.ndarray:
        """What it answers to scenes: class indices (N,), in the order of the menagerie's `CLASSES`."""
        return self.classifier.predict(factor_table(scenes)[0])

    @property
    def factors(self) -> set[str]:
        """The factors that its rules name, such as {"shape", "coat"}."""
        names = factor_table([])[1]
        return {names[column].split(" is ")[0] for column in self.classifier.tree_.feature if column >= 0}

    @property
    def rules(self) -> str:
        """Its rules as text, as `rules` gives them."""
        return rules(self.classifier, factor_table([])[1], list(CLASSES))


def factor_tree(scenes: Sequence[Scene], answers, *, leaves: int = 20) -> FactorTree:
    """A `FactorTree` that imitates `answers`, what a network says to the pictures of `scenes`.

    answers: class indices (N,), or scores (N, classes), of the menagerie's classes.
    leaves: how many rules at most. The question that helps most is asked first, wherever in the tree, and none that helps with
    less than one answer in a thousand.

    Grown by the Gini criterion (CART, Breiman and others 1984), as scikit-learn does it; same arguments, same tree.

    Raises ValueError where scenes and answers are not as many, and for answers that are no class.
    """
    answers = classes(answers)
    if not len(scenes) or len(answers) != len(scenes):
        raise ValueError(f"expected one answer for each scene, got {len(answers)} for {len(scenes)}")
    if answers.min() < 0 or answers.max() >= len(CLASSES):
        raise ValueError(f"answers are indices of the {len(CLASSES)} classes, from 0 to {len(CLASSES) - 1}, not "
                         f"{answers.min()} to {answers.max()}")
    if leaves < 2:
        raise ValueError(f"a tree has at least 2 leaves, not {leaves!r}; with one a class there are {len(CLASSES)}")
    classifier = DecisionTreeClassifier(max_leaf_nodes=leaves, min_impurity_decrease=WORTHWHILE, random_state=0)  # ties are broken by chance
    return FactorTree(classifier.fit(factor_table(scenes)[0], answers))


def rules(classifier: DecisionTreeClassifier, questions: Sequence[str], answers: Sequence[str]) -> str:
    """Any hard tree as text, one condition or answer a line.

    classifier: fitted by scikit-learn to whole numbers. questions: the names of its columns; of those with " is " in them
    ("coat is stripes") it asks whether they hold, of others how large they are. answers: the name of each number it answers.

    "wolf  (62% of 21)": 21 of the examples it was fitted to came there, and of those 62 % were wolf.

    Raises ValueError where a column has no name.
    """
    if len(questions) != classifier.n_features_in_:
        raise ValueError(f"the tree asks about {classifier.n_features_in_} columns, and {len(questions)} have a name: name each, in order")
    return "\n".join(_lines(classifier, questions, answers, 0, ""))


def _lines(classifier, questions, answers, node: int, indent: str, word: str = "if") -> list[str]:
    tree, inner = classifier.tree_, indent + "    "
    if tree.children_left[node] < 0:
        return [indent + _answer(classifier, answers, node)]
    name = questions[tree.feature[node]]
    yes, no = tree.children_right[node], tree.children_left[node]
    lines = [f"{indent}{word} {name if ' is ' in name else f'{name} > {tree.threshold[node]:.2f}'}:",
             *_lines(classifier, questions, answers, yes, inner)]
    if tree.children_left[no] >= 0:  # a chain of questions stays at the same indent
        return lines + _lines(classifier, questions, answers, no, indent, "otherwise, if")
    return [*lines, f"{indent}otherwise:", inner + _answer(classifier, answers, no)]


def _answer(classifier: DecisionTreeClassifier, answers: Sequence[str], node: int) -> str:
    shares = classifier.tree_.value[node][0]
    name = answers[classifier.classes_[shares.argmax()]]
    return f"{name}  ({shares.max():.0%} of {classifier.tree_.n_node_samples[node]})"
