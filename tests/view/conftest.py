"""A small home with finished runs, made once; a front end of a few words, and the built one in a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import latebloom
from latebloom.errors import RunFailed
from latebloom.view.assets import Assets, built
from latebloom.view.lab import Lab
from tests.view.browsing import launched


@pytest.fixture(scope="session")
def lab_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("lab")
    film = ("training.steps=40", "snapshots.every=4", "log.every=10")
    latebloom.run("grokking.modular_addition", "seed=0:2", "task.p=11", *film, scale="smoke", home=home, workers=1)
    latebloom.run("grokking.parity", "seed=0", *film, scale="smoke", home=home, workers=1)
    latebloom.run("grokking.parity_sweep", "training.steps=40", "log.every=10", scale="smoke", home=home, workers=1)
    return home


@pytest.fixture(scope="session")
def small_assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    folder = tmp_path_factory.mktemp("static")
    (folder / "index.html").write_text('<meta name="latebloom-source" content="server" />')
    (folder / "app.js").write_text("1;")
    (folder / "style.css").write_text(".latebloom { color: red }")
    (folder / "view-grokking.js").write_text("var latebloom_view_grokking = { default: 1 };")
    return Assets(folder)


@pytest.fixture(scope="session")
def assets() -> Assets:
    """The built front end; without it tests are skipped."""
    try:
        return built(quiet=True)
    except RunFailed as error:
        pytest.skip(f"browser tests need the built views: {error}")


@pytest.fixture(scope="module")  # while it runs, this thread has an event loop, and other tests want their own
def browser() -> Iterator[Any]:
    with launched() as one:
        yield one


@pytest.fixture
def lab(lab_home: Path, tmp_path: Path) -> Lab:
    return Lab(lab_home, tmp_path / "ledger")
