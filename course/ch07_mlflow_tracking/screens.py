"""Make the pictures of section 11 from the real MLflow UI, on a store that the solved lesson has filled.

For authors: ``./wb run --only 07 --fresh``, then ``./wb python -m course.ch07_mlflow_tracking.screens`` (needs the extra
``test``: playwright, and a Chromium). The pictures go to ``chapters/images/`` and are committed.
"""

from __future__ import annotations

import getpass
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lakehouse.paths import ROOT, home
from workbook.build import screenshots

TARGET = ROOT / "chapters" / "images"
EXPERIMENT = "/Shared/workbook/07_mlflow_tracking"

_ANONYMOUS = """([folder, user]) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    while (texts.nextNode()) {
        const node = texts.currentNode
        node.data = node.data.trim() === user ? "you" : node.data.replace(folder, "...")
    }
}"""


@contextmanager
def _ui(store: Path) -> Iterator[str]:
    """The address of ``wb ui`` on a store."""
    command = [sys.executable, "-P", "-m", "workbook", "ui"]
    environment = {**os.environ, "WORKBOOK_HOME": str(store)}
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield next(
            found.group()
            for line in iter(server.stdout.readline, "")
            if (found := re.search(r"http://127\.0\.0\.1:\d+", line))
        )
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def main() -> None:
    """Photograph the pages."""
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    import browsers  # type: ignore[import-not-found]
    import mlflow
    from playwright.sync_api import sync_playwright

    store = home() / "run"
    mlflow.set_tracking_uri(f"sqlite:///{store}/mlflow/mlflow.db")
    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None, f"{store} holds no runs of the chapter: ./wb run --only 07 --fresh"
    number = experiment.experiment_id

    def run_named(name: str) -> str:
        found = mlflow.search_runs([number], f"attributes.run_name = '{name}'", output_format="list")
        return str(found[0].info.run_id)

    TARGET.mkdir(parents=True, exist_ok=True)
    with _ui(store) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(**browsers.options(browsers.find()))
        page = browser.new_page(viewport={"width": 1250, "height": 800})
        # As a learner sees it who has chosen "Model training" and closed the assistant.
        for key, value in {"workflowType_v1": '"machine_learning"', "assistant.panelOpen_v1": "false"}.items():
            page.add_init_script(f"localStorage.setItem('mlflow.{key}', '{value}')")
        page.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")

        def shoot(
            name: str, path: str, *, wait: str, height: int = 560, before: Callable[[], Any] | None = None
        ) -> None:
            page.goto(f"{address}/#/{path}")
            page.get_by_text(wait).first.wait_for(timeout=60_000)
            page.wait_for_timeout(2500)
            if before is not None:
                before()
                page.wait_for_timeout(2500)
            # The pictures are for everybody: whose machine it was is nobody's business.
            page.evaluate(_ANONYMOUS, [str(store.parent), getpass.getuser()])
            screenshots.save(
                page.screenshot(clip={"x": 0, "y": 0, "width": 1250, "height": height}), TARGET / f"{name}.png"
            )

        def unfold() -> None:
            row = page.locator(".ag-row", has_text="sweep: depth").filter(has_not_text="rate").first
            row.get_by_role("button").first.click()

        def open_picture() -> None:
            page.get_by_text("plots", exact=True).click()
            page.get_by_text("shap.png", exact=True).click()

        def choose_validation() -> None:
            box = page.locator(".du-bois-light-select", has_text="train_auc").first
            box.click()
            page.locator(".du-bois-light-select-item-option", has_text="val_auc").click()
            page.locator(".du-bois-light-select-item-option", has_text="train_auc").click()
            page.get_by_text("Visualizations").first.hover()
            page.keyboard.press("Escape")

        here = f"experiments/{number}"
        sweep = run_named("sweep: depth and rate")
        children = mlflow.search_runs([number], f"tags.mlflow.parentRunId = '{sweep}'")["run_id"]
        chosen = "[" + ",".join(f'"{run_id}"' for run_id in children) + "]"
        shoot("07_ui_runs", f"{here}/runs", wait="sweep: depth and rate", height=720, before=unfold)
        shoot("07_ui_run", f"{here}/runs/{run_named('recorded, deep')}", wait="Run ID", height=760)
        data = f"{here}/runs/{run_named('with its data')}"
        shoot("07_ui_dataset", data, wait="Run ID", before=lambda: page.get_by_text("churn rows v0").first.click())
        shoot("07_ui_steps", f"{here}/runs/{run_named('fast learner')}/model-metrics", wait="val_auc")
        shoot(
            "07_ui_artifacts",
            f"{here}/runs/{run_named('gentle boosting, explained')}/artifacts",
            wait="plots",
            before=open_picture,
        )
        shoot("07_ui_models", f"{here}/models", wait="rounds-40", height=480)
        comparison = f'compare-runs?runs={chosen}&experiments=["{number}"]'
        shoot("07_ui_compare", comparison, wait="Parallel Coordinates Plot", before=choose_validation)
        browser.close()


if __name__ == "__main__":
    main()
