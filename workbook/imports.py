"""The imports of the repository's own modules, read from their source: who depends on whom."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PACKAGES = ("lakehouse", "workbook", "course")


def modules(root: Path) -> dict[str, Path]:
    """The repository's modules, by name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            if "__pycache__" not in path.parts:
                parts = path.relative_to(root).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(source: str, known: Iterable[str]) -> set[str]:
    """The known modules that a source imports, anywhere but for the type checker alone.

    Parameters
    ----------
    source : str
        Python, with absolute imports as this repository has them.
    known : iterable of str
        Names of modules.
    """
    known = set(known)
    found: set[str] = set()
    for node in _run(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # A module of this name, or else a name of the package.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else node.module for name in names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            # A name ``module:object``, as the table of stand-ins has them.
            names = [node.value.partition(":")[0]] if ":" in node.value else []
        else:
            continue
        found |= {name for name in names if name in known}
    return found


def graph(root: Path) -> dict[str, set[str]]:
    """For each module those that it imports."""
    known = modules(root)
    return {name: imports_of(path.read_text(encoding="utf-8"), known) - {name} for name, path in known.items()}


def closure(names: Iterable[str], edges: Mapping[str, Iterable[str]]) -> set[str]:
    """These modules, all that they import, and the packages around them, whose ``__init__`` runs too."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found or name not in edges:
            continue
        found.add(name)
        waiting += [*edges[name], name.rpartition(".")[0]]
    return found


def circle(edges: Mapping[str, Iterable[str]]) -> list[str]:
    """A circle of a graph, as the names on it; empty when there is none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        for other in sorted(edges.get(name, ())):
            if found := visit(other, [*path, name]):
                return found
        done.add(name)
        return []

    for name in sorted(edges):
        if found := visit(name, []):
            return found
    return []


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a module that are run."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.If) and getattr(child.test, "id", None) == "TYPE_CHECKING":
            continue
        yield child
        yield from _run(child)
