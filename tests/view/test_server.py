"""What the server says to its owner, over a real connection on the loopback interface."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

pytest.importorskip("starlette", reason="the server needs the extra `view`")
pytest.importorskip("uvicorn", reason="the server needs the extra `view`")

import asyncio

import uvicorn

import latebloom
from latebloom.errors import LatebloomError
from latebloom.fleet.plan import plan
from latebloom.runs.run import Run
from latebloom.studies.drawing.logged import Logged
from latebloom.view.lab import Lab
from latebloom.view.pack import unpack
from latebloom.view.server.app import Handlers
from latebloom.view.server.live import Live
from latebloom.view.server.serving import _listen, guarded
from latebloom.view.views import packs_of

TOKEN = "a-token"


@pytest.fixture
def port(lab, small_assets):
    listening = _listen("127.0.0.1", 0)
    number = listening.getsockname()[1]
    app = guarded(lab, small_assets, TOKEN, "127.0.0.1", number)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield number
    server.should_exit = True
    thread.join(10)
    listening.close()


def _get(port, target, token=TOKEN):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", target, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_documents_and_packs_of_a_run(port, lab_home):
    status, content = _get(port, "/api/index")
    index = json.loads(content)
    assert status == 200
    assert {run["experiment"] for run in index["runs"]} == {
        "grokking.modular_addition",
        "grokking.parity",
        "grokking.parity_sweep",
    }
    own = next(run for run in index["runs"] if run["experiment"] == "grokking.modular_addition")
    document = json.loads(_get(port, f"/api/runs/{own['id']}")[1])
    assert {"curves", "tables-0", "tables-1", "gallery"} <= set(document["packs"])
    assert [view["name"] for view in document["views"]] == ["curves", "grokking"]
    status, content = _get(port, f"/api/runs/{own['id']}/tables-1")
    told, arrays = unpack(content)
    run = Run(next(lab_home.glob("grokking.modular_addition/*")))
    assert status == 200
    assert told["p"] == 11
    own = packs_of(Logged(run))
    assert content == own["tables-1"]() != own["tables-0"]()
    assert arrays["steps"].tolist() == run.snapshot_steps(1)


def test_a_real_server_refuses_strangers_and_tricks(port):
    assert _get(port, "/api/index", "wrong")[0] == 401
    assert _get(port, "/static/%2e%2e/%2e%2e/pack.py")[0] == 404
    assert _get(port, "/static/../../pack.py")[0] == 404
    assert _get(port, "/static/app.js") == (200, b"1;")


def test_events_tell_of_a_run_that_moved_on(lab, lab_home):
    live = Live(lab, seconds=0.02)

    async def listen():
        events = live.events()
        assert (await anext(events)).startswith("retry")
        first = await anext(events)
        place = next(lab_home.glob("grokking.parity/*/populations/*/manifest.json"))
        later = time.time() + 100
        os.utime(place, (later, later))
        return first, await anext(events)

    first, second = asyncio.run(asyncio.wait_for(listen(), 20))
    assert len(json.loads(first.split("data: ")[1])["runs"]) == 3
    changed = json.loads(second.split("data: ")[1])["runs"]
    assert list(changed) == [Run(next(lab_home.glob("grokking.parity/*"))).hash]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_address_opens_and_an_interrupt_ends_the_streams_without_a_traceback(lab_home, tmp_path, host):
    """In a process of its own, as `latebloom serve` runs."""
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from latebloom.view.server import serving
        from latebloom.view.assets import Assets

        serving.built = lambda: Assets(Path(sys.argv[2]))
        try:
            serving.serve(Path(sys.argv[1]), Path("ledger"), sys.argv[3], browser=False)
        except KeyboardInterrupt:  # as the command line does
            pass
        """
    )
    static = tmp_path / "static"
    static.mkdir()
    (static / "app.js").write_text("1;")
    command = [sys.executable, "-c", script, str(lab_home), str(static), host]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        address = re.search(r"http://\S+", server.stdout.readline()).group()
        base, token = address.split("/?token=")
        assert base.startswith("http://127.0.0.1:")
        request = urllib.request.Request(f"{base}/api/live", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=30) as stream:
            assert stream.readline().startswith(b"retry")
            server.send_signal(signal.SIGINT)
            stream.read()  # to its end: it comes by itself
        # Not `communicate`: it would lose the lines that came together with the first.
        printed, told = server.stdout.read(), server.stderr.read()
        server.wait(timeout=30)
    elsewhere = f"From other machines: http://{socket.gethostname().lower()}:"
    assert (elsewhere in printed) == ("without encryption" in printed) == (host == "0.0.0.0")
    assert "Traceback" not in told
    assert "graceful" not in told


def test_a_port_that_is_taken_is_told():
    taken = _listen("127.0.0.1", 0)
    try:
        with pytest.raises(LatebloomError, match=r"Cannot listen on 127\.0\.0\.1, port .*--port"):
            _listen("127.0.0.1", taken.getsockname()[1]).listen()
    finally:
        taken.close()


def test_what_is_committed_while_a_document_is_read_is_still_news(lab_home, tmp_path, monkeypatch):
    shutil.copytree(lab_home, tmp_path / "home")
    lab = Lab(tmp_path / "home", tmp_path / "ledger")
    (run,) = [run for run in lab.runs().values() if run.experiment == "grokking.parity"]
    before = lab.stamp(run)
    read = Lab.logged

    def meanwhile(self, one):
        logged = read(self, one)
        os.utime(one.populations[0].path / "manifest.json", (time.time() + 50, time.time() + 50))
        return logged

    monkeypatch.setattr(Lab, "logged", meanwhile)
    assert lab.run(run)["stamp"] == before != lab.stamp(run)


def test_pictures_of_a_claim_are_drawn_again_when_a_run_that_it_rests_on_comes(lab, small_assets, monkeypatch):
    run = next(iter(lab.runs().values()))
    here = {}
    entry = SimpleNamespace(judged_at="2026-01-31T00:00:00+00:00", runs=(run.hash,))
    monkeypatch.setattr(Lab, "standing_of", lambda self, claim: SimpleNamespace(entry=entry))
    monkeypatch.setattr(Lab, "runs", lambda self: here)
    monkeypatch.setattr(Lab, "pictures", lambda self, claim: [one.hash.encode() for one in self.drawn_runs(claim)])
    handlers, claim = Handlers(lab, small_assets), SimpleNamespace(id="grokking.14")
    assert handlers._draw(claim) == []
    here[run.hash] = run
    assert handlers._draw(claim) == [run.hash.encode()]


def test_a_damaged_run_hides_no_other(lab, lab_home, tmp_path):
    import shutil

    home = tmp_path / "home"
    shutil.copytree(lab_home, home)
    damaged = next(home.glob("grokking.parity/*/run.json"))
    damaged.write_text("{")
    from latebloom.view.lab import Lab

    found = Lab(home, Path("ledger")).runs()
    assert len(found) == 2


def test_a_run_is_listed_before_its_first_member_has_begun(tmp_path):
    settings = ("seed=0", "task.p=11", "model.d_mlp=4,6", "training.steps=20")
    run = latebloom.run("grokking.modular_addition", *settings, scale="smoke", home=tmp_path, workers=1)
    shutil.rmtree(run.populations[0].path)
    lab = Lab(tmp_path, tmp_path / "ledger")
    (row,) = lab.index()["runs"]
    assert (row["id"], row["status"]) == (run.hash, "1 of 2 populations finished")
    assert lab.run(Run(run.path))["specification"]["model"]["d_mlp"] == 6
    shutil.rmtree(run.populations[1].path)
    assert lab.index()["runs"] == []


def test_of_runs_with_the_same_members_a_finished_one_is_shown(tmp_path):
    settings = ("seed=0", "task.p=11", "model.neurons=3", "model.activation=relu")
    done = latebloom.run("grokking.constructed", *settings, scale="laptop", home=tmp_path, workers=1)
    shutil.copytree(done.path, tmp_path / "aside")
    for before, after in (("laptop", "quick"), ("quick", "laptop")):  # whichever name comes first
        shutil.rmtree(tmp_path / "grokking.constructed")
        begun = plan("grokking.constructed", before, settings, tmp_path).run
        finished = plan("grokking.constructed", after, settings, tmp_path / "elsewhere").run
        shutil.copytree(tmp_path / "aside", tmp_path / finished.relative_to(tmp_path / "elsewhere"))
        found = Lab(tmp_path, tmp_path / "ledger").runs()
        assert begun.name != finished.name
        assert [run.path.name for run in found.values()] == [finished.name]
        assert found[done.hash].finished
