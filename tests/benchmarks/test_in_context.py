"""The peer of in-context training is what it says, with the library and without it."""

import dataclasses
import sys
import types

import pytest
import torch
from torch import nn

from benchmarks import in_context
from benchmarks.measuring import Effort
from latebloom.studies.model_selection.experiments import linear

TINY = Effort(rounds=1, seconds=0.001, members=(1, 2), places=(4, 8))
SIZE = linear.SIZES["smoke"]


class FakeModel(nn.Module):
    """Stands for GPT-2: says what it was given."""

    def __init__(self, settings):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(settings.n_embd))

    def forward(self, inputs_embeds):
        return types.SimpleNamespace(last_hidden_state=inputs_embeds * self.scale)


@pytest.fixture
def hub():
    return types.SimpleNamespace(GPT2Config=lambda **own: types.SimpleNamespace(**own), GPT2Model=FakeModel)


def test_without_the_library_it_says_so_and_gives_our_rows(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.setitem(linear.SIZES, "laptop", SIZE)
    rows = in_context.in_context(TINY)
    assert "pip install transformers" in capsys.readouterr().err
    assert [row.peer for row in rows] == [None, None, None]
    assert all("not installed" in row.name for row in rows[:2])
    assert all(row.ours > 0 for row in rows)


def test_with_it_three_loops_stand_beside_three_members(monkeypatch, hub):
    monkeypatch.setattr(in_context, "library", lambda: hub)
    monkeypatch.setitem(linear.SIZES, "laptop", SIZE)
    rows = in_context.in_context(TINY)
    assert [row.name.rsplit(", ", 1)[1] for row in rows[:4]] == ["eager", "sdpa"] * 2
    assert all(row.ratio_to_peer == row.ours / row.peer for row in rows[:4])
    assert [each.task.mixture for each in in_context.three(SIZE)] == ["dense+sparse", "sparse", "dense"]


def test_the_loop_learns_and_reads_at_the_places_of_x(hub):
    loop = in_context.PlainLoop(hub, SIZE, "dense", "eager")
    before = [value.detach().clone() for value in loop.network.parameters()]
    assert loop.step() > 0
    assert any(not torch.equal(a, b) for a, b in zip(before, loop.network.parameters(), strict=True))
    x, y = in_context.prompts(SIZE, "dense")
    with torch.no_grad():
        said = loop.network(x, y)
        right = loop.network.read_out(loop.network.read_in(x) * loop.network.backbone.scale)[..., 0]
    torch.testing.assert_close(said, right)  # the stand-in sees one place at a time, so only the place's own x counts


def test_prompts_are_of_the_class():
    """Where noise is small beside them, the weights of a batch are those of its class."""
    size = dataclasses.replace(SIZE, points=40, batch=64)
    counts = {}
    for mixture in ("sparse", "dense", "dense+sparse"):
        x, y = in_context.prompts(size, mixture)
        w = torch.linalg.lstsq(x, y[..., None]).solution[..., 0]
        counts[mixture] = float((w.abs() > 0.1).float().sum(-1).mean())
    assert counts["sparse"] < 1.1
    assert counts["dense"] > 2.2
    assert counts["sparse"] < counts["dense+sparse"] < counts["dense"]


def test_each_row_has_the_attention_it_names():
    """The two ways give one number, and the library takes them by these names."""
    hub = pytest.importorskip("transformers")
    loops = [in_context.PlainLoop(hub, SIZE, "dense", kind) for kind in in_context.ATTENTION]
    assert [loop.network.backbone.config._attn_implementation for loop in loops] == ["eager", "sdpa"]
    loops[1].network.load_state_dict(loops[0].network.state_dict())
    x, y = in_context.prompts(SIZE, "dense")
    torch.testing.assert_close(loops[0].network(x, y), loops[1].network(x, y))
