"""Two small causal models in the style of Hugging Face: names, fused projections, attention interface."""

import types

import torch
from torch import nn


def sdpa(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **kwargs):
    """The attention the models come with."""
    fast = nn.functional.scaled_dot_product_attention
    out = fast(query, key, value, attention_mask, dropout, is_causal=attention_mask is None, scale=scaling)
    return out.transpose(1, 2).contiguous(), None


class Registry(dict):
    def register(self, name, function):
        self[name] = function


def settings(**changes):
    config = {"n_embd": 8, "n_head": 2, "n_layer": 2, "n_positions": 7, "vocab_size": 9, "dropout": 0.0}
    return types.SimpleNamespace(**(config | changes), _attn_implementation="sdpa", registry=Registry(sdpa=sdpa))


class Conv1D(nn.Module):
    def __init__(self, out, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(width, out)), nn.Parameter(torch.empty(out))

    def forward(self, x):
        return x @ self.weight + self.bias


class GPT2Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, d = config, config.n_embd
        self.c_attn, self.c_proj = Conv1D(3 * d, d), Conv1D(d, d)

    def forward(self, hidden_states, past_key_values=None, attention_mask=None, bypass=False):
        shape = (*hidden_states.shape[:-1], self.config.n_head, -1)
        q, k, v = (part.view(shape).transpose(1, 2) for part in self.c_attn(hidden_states).chunk(3, -1))
        name = "sdpa" if bypass else self.config._attn_implementation
        dropout = self.config.dropout if self.training else 0.0
        out, _ = self.config.registry[name](self, q, k, v, attention_mask, dropout=dropout)
        return self.c_proj(out.reshape(hidden_states.shape))


class GPT2MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.c_fc, self.c_proj = Conv1D(4 * config.n_embd, config.n_embd), Conv1D(config.n_embd, 4 * config.n_embd)

    def forward(self, x):
        return self.c_proj(nn.functional.gelu(self.c_fc(x), approximate="tanh"))


class GPT2Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(config.n_embd), nn.LayerNorm(config.n_embd)
        self.attn, self.mlp = GPT2Attention(config), GPT2MLP(config)

    def forward(self, x, **kwargs):
        x = x + self.attn(self.ln_1(x), **kwargs)
        return x + self.mlp(self.ln_2(x))


class GPT2(nn.Module):
    """Embeddings are given to `forward` ready-made where a test wants their gradient."""

    def __init__(self, config):
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, config.n_embd)
        self.h = nn.ModuleList(GPT2Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd)

    def forward(self, tokens=None, embedded=None, **kwargs):
        x = self.wte(tokens) if embedded is None else embedded
        x = x + self.wpe.weight[: x.shape[1]]
        for block in self.h:
            x = block(x, **kwargs)
        return self.ln_f(x) @ self.wte.weight.T


class GPTNeoXAttention(nn.Module):
    """Queries, keys and values interleaved by head; rotary positions on half of each head."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.query_key_value = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.dense = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, hidden_states, attention_mask=None, layer_past=None):
        heads = self.query_key_value(hidden_states).view(*hidden_states.shape[:-1], self.config.n_head, -1)
        q, k, v = heads.transpose(1, 2).chunk(3, -1)
        q, k = (rotary(value) for value in (q, k))
        function = self.config.registry[self.config._attn_implementation]
        out, _ = function(self, q, k, v, attention_mask, scaling=q.shape[-1] ** -0.5, dropout=0.0)
        return self.dense(out.reshape(hidden_states.shape))


def rotary(value):
    turned, straight = value.chunk(2, -1)
    half = turned.shape[-1] // 2
    angle = torch.arange(value.shape[-2], dtype=value.dtype)[:, None] / 10.0 ** torch.arange(half)
    first, second = turned[..., :half], turned[..., half:]
    cos, sin = angle.cos(), angle.sin()
    return torch.cat([first * cos - second * sin, second * cos + first * sin, straight], -1)


class GPTNeoX(nn.Module):
    """Attention and MLP side by side on the residual stream, as in Pythia."""

    def __init__(self, config):
        super().__init__()
        d = config.n_embd
        self.embed_in, self.embed_out = nn.Embedding(config.vocab_size, d), nn.Linear(d, config.vocab_size, bias=False)
        self.attentions = nn.ModuleList(GPTNeoXAttention(config) for _ in range(config.n_layer))
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(2 * config.n_layer))
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(d, 12), nn.GELU(), nn.Linear(12, d)) for _ in range(config.n_layer)
        )

    def forward(self, tokens=None, embedded=None, **kwargs):
        x = self.embed_in(tokens) if embedded is None else embedded
        for layer, (attention, mlp) in enumerate(zip(self.attentions, self.mlps, strict=True)):
            x = x + attention(self.norms[2 * layer](x), **kwargs) + mlp(self.norms[2 * layer + 1](x))
        return self.embed_out(x)
