"""Seconds of a forward pass and of a training step of a GPT-2 in PyTorch on the CPU.

argv[1] is JSON {width, layers, heads, vocabulary, tokens, batch, threads, seconds}.
"""
import json, sys, time
import torch
import torch.nn as nn
import torch.nn.functional as F

work = json.loads(sys.argv[1])
torch.set_num_threads(work["threads"])
torch.manual_seed(0)
d, heads = work["width"], work["heads"]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.c_attn, self.c_proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.c_fc, self.c_out = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        b, t, _ = x.shape
        q, k, v = self.c_attn(self.ln_1(x)).view(b, t, 3, heads, d // heads).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.c_proj(a.transpose(1, 2).reshape(b, t, d))
        return x + self.c_out(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte = nn.Embedding(work["vocabulary"], d)
        self.wpe = nn.Embedding(work["tokens"], d)
        self.h = nn.ModuleList(Block() for _ in range(work["layers"]))
        self.ln_f = nn.LayerNorm(d)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1]))
        for block in self.h:
            x = block(x)
        return self.ln_f(x) @ self.wte.weight.T


model = Gpt2()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
ids = torch.randint(0, work["vocabulary"], (work["batch"], work["tokens"] + 1))
x, y = ids[:, :-1], ids[:, 1:].reshape(-1)


def forward():
    with torch.no_grad():
        model(x)


def step():
    logits = model(x)
    loss = F.cross_entropy(logits.view(-1, work["vocabulary"]), y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    loss.item()


def measure(run):
    for _ in range(3):
        run()
    times = []
    until = time.perf_counter() + work["seconds"]
    while len(times) < 5 or time.perf_counter() < until:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


print(json.dumps({"version": f"PyTorch {torch.__version__}", "forward": measure(forward), "step": measure(step)}))
