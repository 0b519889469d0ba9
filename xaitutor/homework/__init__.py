"""Homework: hand out an assignment, and grade what comes back, on top of nbgrader.

    homework.release("part_1", "released")              the students' notebook, without solutions and hidden tests
    homework.grade("part_1", "submissions", "graded")   scores as CSV, and a page of feedback for each student
    homework.graded("part_1", "graded")                 who has a score already
    homework.suspects.for_student(name)                 a network with one thing wrong, another for each student

An assignment is one notebook in `notebooks/homework/`: solutions, points and hidden tests are in it, marked as nbgrader
wants them. Its test cells ask `expect`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
