"""Instant answers to the exercises: each check says what is wrong, not only that something is.

One file a subject. A check prints one line: what is right, or the most useful thing about what is wrong.
"""
