"""Nearest permuted Kronecker sum in straightforward numpy: argv[1] is JSON {inputs, outputs, terms, left, right, matrix, seconds}.

`matrix` is a file of float32 numbers. Without permutations: truncated SVD of the rearrangement through its Gram matrix,
the median of seven. With: swaps of two rows or two columns, accepted where the error falls (simulated annealing in the same measure), for `seconds`.
"""
import json, sys, time
import numpy as np
from scipy.optimize import linear_sum_assignment

work = json.loads(sys.argv[1])
m, n = work["inputs"], work["outputs"]
(m1, n1), (m2, n2) = work["left"], work["right"]
terms = work["terms"]
w = np.fromfile(work["matrix"], dtype=np.float32).reshape(m, n).astype(np.float64)
total = (w * w).sum()


def rearranged(x):
    return x.reshape(m1, m2, n1, n2).transpose(0, 2, 1, 3).reshape(m1 * n1, m2 * n2)


def gram(x):
    r = rearranged(x)
    return r.T @ r


def kept(g):
    return np.linalg.eigvalsh(g)[-terms:].sum()


def error(g):
    return float(np.sqrt(max(0.0, 1 - kept(g) / total)))


def projection(x):
    r = rearranged(x)
    _, v = np.linalg.eigh(r.T @ r)
    v = v[:, -terms:]
    return (r @ v @ v.T).reshape(m1, n1, m2, n2).transpose(0, 2, 1, 3).reshape(m, n)


def plain_fit():
    """Factors A [terms, m1, n1] and B [terms, m2, n2], and the error from the difference."""
    r = rearranged(w)
    _, v = np.linalg.eigh(r.T @ r)
    v = v[:, -terms:]
    a = r @ v
    left = r - a @ v.T
    return a.T.reshape(terms, m1, n1), v.T.reshape(terms, m2, n2), float(np.sqrt((left * left).sum() / total))


plain_times = []
for _ in range(7):
    start = time.perf_counter()
    plain = plain_fit()[2]
    plain_times.append(time.perf_counter() - start)
plain_seconds = sorted(plain_times)[len(plain_times) // 2]

start = time.perf_counter()
x = w.copy()
best = kept(gram(x))
while time.perf_counter() - start < work["seconds"] / 3:
    t = projection(x)
    x = x[linear_sum_assignment(-(t @ x.T))[1]]
    t = projection(x)
    x = x[:, linear_sum_assignment(-(t.T @ x))[1]]
    now = kept(gram(x))
    if now <= best * (1 + 1e-9):
        break
    best = now
assigned = error(gram(x))
assigned_seconds = time.perf_counter() - start

rng = np.random.default_rng(0)
g = gram(x)
f = kept(g)
t0, swaps = 2e-6 * total, 0
begin = time.perf_counter()
while (elapsed := time.perf_counter() - start) < work["seconds"]:
    temperature = t0 * max(0.0, 1 - (time.perf_counter() - begin) / max(1e-9, work["seconds"] - (begin - start)))
    if rng.random() < 0.5:
        i, j = rng.integers(m, size=2)
        if i // m2 == j // m2:
            continue
        blocks = [i // m2, j // m2]
        take = lambda y: np.concatenate([y[b * m2 : (b + 1) * m2].reshape(m2, n1, n2).transpose(1, 0, 2).reshape(n1, m2 * n2) for b in blocks])
        old = take(x)
        x[[i, j]] = x[[j, i]]
        new = take(x)
        undo = lambda: x.__setitem__([i, j], x[[j, i]])
    else:
        i, j = rng.integers(n, size=2)
        if i // n2 == j // n2:
            continue
        blocks = [i // n2, j // n2]
        take = lambda y: np.concatenate([y[:, b * n2 : (b + 1) * n2].reshape(m1, m2 * n2) for b in blocks])
        old = take(x)
        x[:, [i, j]] = x[:, [j, i]]
        new = take(x)
        undo = lambda: x.__setitem__((slice(None), [i, j]), x[:, [j, i]])
    candidate = g + new.T @ new - old.T @ old
    value = kept(candidate)
    if value >= f or (temperature > 0 and rng.random() < np.exp((value - f) / temperature)):
        g, f = candidate, value
    else:
        undo()
    swaps += 1
print(
    json.dumps(
        {
            "version": f"numpy {np.__version__}",
            "plain": {"seconds": plain_seconds, "relativeError": plain},
            "assignment": {"seconds": assigned_seconds, "relativeError": assigned},
            "annealing": {"seconds": time.perf_counter() - start, "relativeError": error(gram(x)), "swaps": swaps},
        }
    )
)
