"""Which names a piece of code gives a value to, and which it uses."""

import ast
import symtable


def given(source: str) -> set[str]:
    """Assigned, defined or imported, outside of functions and comprehensions."""
    return {symbol.get_name() for symbol in _module(source).get_symbols() if symbol.is_assigned() or symbol.is_imported()}


def used(source: str) -> set[str]:
    """Those that are looked up outside of functions, and inside of them where they are not the functions' own."""
    module = _module(source)
    return {symbol.get_name() for table in _tables(module) for symbol in table.get_symbols()
            if symbol.is_referenced() and (table is module or symbol.is_global())}


def passing(source: str) -> set[str]:
    """The names of loops: what they are afterwards plays no role."""
    targets = [node.target for node in ast.walk(ast.parse(source)) if isinstance(node, ast.For)]
    return {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}


def _module(source: str) -> symtable.SymbolTable:
    return symtable.symtable(source, "cell", "exec")


def _tables(table: symtable.SymbolTable):
    yield table
    for inner in table.get_children():
        yield from _tables(inner)


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
            anew, before = _anew_and_before(source)
            names = names - anew | before
    return kept


def _anew_and_before(source: str) -> tuple[set[str], set[str]]:
    """What the cell gives a value to in any case, so that an earlier one plays no role; and what it uses before that, so that an earlier one does."""
    anew, before = set(), set()
    for node in ast.parse(source).body:
        part = ast.unparse(node)
        before |= used(part) - passing(part) - anew
        if isinstance(node, ast.Assign | ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
            anew |= given(part)
    return anew, before
