"""The search for a browser, on machines that differ in what they have."""

from __future__ import annotations

import pytest
from browsers import MAC, Machine, find, options

OWN = "/cache/chromium/chrome"


class Fake:
    """A machine with some files and commands, which notes what was run; ``brings`` says what a command installs."""

    def __init__(self, *there: str, root: bool = False, brings: dict[str, str] | None = None) -> None:
        self.there, self.root, self.brings = set(there), root, brings or {}
        self.ran: list[str] = []

    def run(self, command: list[str]) -> bool:
        self.ran.append(" ".join(command[-3:]))
        brought = self.brings.get(self.ran[-1])
        self.there |= {brought} if brought else set()
        return brought is not None

    def machine(self) -> Machine:
        return Machine(
            which=lambda name: f"/bin/{name}" if f"/bin/{name}" in self.there else None,
            exists=lambda path: path in self.there,
            runs=self.run,
            playwrights_own=lambda: OWN,
            is_root=lambda: self.root,
        )


@pytest.mark.parametrize("there", ["/bin/chromium", "/bin/google-chrome", "/bin/microsoft-edge", *MAC, OWN])
def test_a_browser_that_is_there_is_taken_and_nothing_is_installed(there: str):
    fake = Fake(there)
    assert find(fake.machine()) == there
    assert fake.ran == []


def test_playwright_brings_its_own():
    fake = Fake(brings={"playwright install chromium": OWN})
    assert find(fake.machine()) == OWN


def test_root_on_debian_falls_back_to_apt():
    fake = Fake("/bin/apt-get", root=True, brings={"install -y chromium": "/bin/chromium"})
    assert find(fake.machine()) == "/bin/chromium"
    assert fake.ran == ["playwright install chromium", "install -y chromium"]


def test_apt_reads_its_lists_when_it_knows_no_chromium():
    fake = Fake("/bin/apt-get", root=True)
    with pytest.raises(LookupError, match="apt-get install chromium"):
        find(fake.machine())
    assert fake.ran[1:] == ["install -y chromium", "apt-get update", "install -y chromium"]


@pytest.mark.parametrize("fake", [Fake(), Fake("/bin/apt-get"), Fake(root=True)])
def test_without_root_or_apt_the_reason_is_said(fake: Fake):
    with pytest.raises(LookupError, match="`playwright install chromium` did not bring one"):
        find(fake.machine())
    assert fake.ran == ["playwright install chromium"]


def test_the_sandbox_is_left_out_for_root_only(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("browsers._is_root", lambda: True)
    assert options("/bin/chromium")["args"] == ["--no-sandbox"]
    monkeypatch.setattr("browsers._is_root", lambda: False)
    assert options("/bin/chromium")["args"] == []
