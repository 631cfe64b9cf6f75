"""Three-level names on a folder tree: a Spark catalog plugin in Java and the jar built from it.

The jar is committed, so that nobody needs a Java compiler; ``build_jar`` rebuilds it after a change of the source.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

CLASS = "lakehouse.FolderCatalog"
SOURCE = Path(__file__).with_name("FolderCatalog.java")
JAR = Path(__file__).with_name("folder-catalog.jar")
PRIMARY_KEY_PROPERTY = "workbook.constraint.primary_key"


def build_jar(jar: Path, classpath: Iterable[Path]) -> Path:
    """Compile the plugin and pack it; the same compiler gives the same bytes.

    Parameters
    ----------
    jar
        File to write.
    classpath
        Folders with the jars of Spark and Delta.

    Raises
    ------
    FileNotFoundError
        When there is no ``javac`` on the PATH.
    subprocess.CalledProcessError
        When the source does not compile; ``stderr`` holds the compiler's words.
    """
    javac = shutil.which("javac")
    if javac is None:
        raise FileNotFoundError("javac is not on the PATH: install a JDK of version 17 or later to rebuild the jar.")
    with tempfile.TemporaryDirectory() as folder:
        jars = ":".join(f"{path}/*" for path in classpath)
        subprocess.run(
            [javac, "--release", "17", "-proc:none", "-nowarn", "-cp", jars, "-d", folder, str(SOURCE)],
            check=True,
            capture_output=True,
            text=True,
        )
        with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(Path(folder).rglob("*.class")):
                # A fixed date keeps the bytes equal from build to build.
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), (2026, 1, 1, 0, 0, 0))
                archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return jar
