"""The imports of the repository's own modules, read from their source: who depends on whom."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PACKAGES = ("lakehouse", "workbook", "course")
#: Packages that a stand-in takes the place of, and where it is.
_STANDS_IN = {"databricks": "lakehouse.compat.databricks"}


class Sources:
    """The modules of a repository. Each is parsed when it is first asked for.

    Parameters
    ----------
    root : Path
        The repository.
    """

    def __init__(self, root: Path) -> None:
        self.modules: dict[str, Path] = {}
        for package in PACKAGES:
            for path in sorted((root / package).rglob("*.py")):
                if "__pycache__" not in path.parts:
                    parts = path.relative_to(root).with_suffix("").parts
                    self.modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        self._texts: dict[str, str] = {}
        self._imports: dict[str, set[str]] = {}
        self._digests: dict[str, str] = {}

    def text(self, name: str) -> str:
        """A module's source, read once."""
        if name not in self._texts:
            self._texts[name] = self.modules[name].read_text(encoding="utf-8")
        return self._texts[name]

    def imports(self, name: str) -> set[str]:
        """The modules of the repository that a module imports."""
        self._parse(name)
        return self._imports[name]

    def digest(self, name: str) -> str:
        """Hash of a module's code: comments, docstrings and layout do not count."""
        self._parse(name)
        return self._digests[name]

    def closure(self, names: Iterable[str]) -> set[str]:
        """These modules, all that they import, and the packages around them, whose ``__init__`` runs too."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found and name in self.modules:
                found.add(name)
                waiting += [*self.imports(name), name.rpartition(".")[0]]
        return found

    def graph(self) -> dict[str, set[str]]:
        """For each module those that it imports."""
        return {name: self.imports(name) for name in self.modules}

    def _parse(self, name: str) -> None:
        if name not in self._imports:
            tree = ast.parse(self.text(name))
            self._imports[name] = imports_of(tree, self.modules) - {name}
            self._digests[name] = hashlib.sha256(ast.dump(_without_docstrings(tree)).encode()).hexdigest()


def imports_of(tree: ast.AST, known: Iterable[str]) -> set[str]:
    """The known modules that code imports, anywhere but for the type checker alone.

    Parameters
    ----------
    tree : ast.AST
        Parsed code, with absolute imports as this repository has them.
    known : iterable of str
        Names of modules.
    """
    known = set(known)
    found: set[str] = set()
    for node in _run(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # A module of this name, or else a name of the package.
            inner = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            names = [name if name in known else node.module for name in inner.values()]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and ":" in node.value:
            # A name ``module:object``, as the table of stand-ins has them.
            names = [node.value.partition(":")[0]]
        for name in names:
            package, _, rest = name.partition(".")
            found |= {name, f"{_STANDS_IN.get(package, package)}.{rest}"} & known
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


def _without_docstrings(tree: ast.Module) -> ast.Module:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return tree
