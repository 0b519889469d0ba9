"""Which names a piece of code gives a value to, and which it uses."""

import ast


def given(source: str) -> set[str]:
    """Assigned, defined or imported, the parameters of its own functions included."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
    return names


def used(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def passing(source: str) -> set[str]:
    """The names of loops, comprehensions and parameters: what they are outside plays no role."""
    targets = [node.target for node in ast.walk(ast.parse(source)) if isinstance(node, ast.For | ast.comprehension)]
    names = {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    return names | {node.arg for node in ast.walk(ast.parse(source)) if isinstance(node, ast.arg)}


def changed(source: str) -> set[str]:
    """The names whose objects may be changed in place: assigned to by parts, or called without an answer that is kept, such as `rows.append(1)`."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
        calls = [node.value] if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not _shows(node.value.func) else []
        for part in (*(one for one in targets if not isinstance(one, ast.Name)), *calls):
            names |= {one.id for one in ast.walk(part) if isinstance(one, ast.Name)}
    return names


def _shows(function: ast.expr) -> bool:
    """Printing and drawing change nothing."""
    name = function.id if isinstance(function, ast.Name) else getattr(getattr(function, "value", None), "id", "")
    return name in ("print", "line", "plots", "checks", "widgets")


def needed(sources: dict[int, str], wanted: set[int]) -> set[int]:
    """Of code cells by number, those without which the `wanted` ones could not run: their own, and all that give or change what a later one of them uses."""
    kept, names = set(), set()
    for number in sorted(sources, reverse=True):
        source = sources[number]
        if number in wanted or names & ((given(source) - passing(source)) | changed(source)):
            kept.add(number)
            names |= used(source) - passing(source)
    return kept
