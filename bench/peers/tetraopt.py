"""Ten functions by TTOpt (Sozykin et al., NeurIPS 2022; PyPI's ttopt): argv[1] is JSON {dims, evals, rank, base, digits, runs}, each run
{function, low, high, seed, shift} with the shift of every coordinate.

With one thread of BLAS: its matrices are so small that more only get into each other's way.
"""
import os

os.environ.update({name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")})
import importlib.metadata, json, sys, time
import numpy as np
import ttopt

work = json.loads(sys.argv[1])
sin, cos, exp, sqrt, pi = np.sin, np.cos, np.exp, np.sqrt, np.pi


def brown(x):
    a, b = x[:, :-1] ** 2, x[:, 1:] ** 2
    return (a ** (b + 1) + b ** (a + 1)).sum(1)


def schaffer(x):
    z = x[:, :-1] ** 2 + x[:, 1:] ** 2
    return (0.5 + (sin(sqrt(z)) ** 2 - 0.5) / (1 + 0.001 * z) ** 2).sum(1)


def k(x):
    return np.arange(1, x.shape[1] + 1)


functions = {
    "ackley": lambda x: 20 + np.e - 20 * exp(-0.2 * sqrt((x * x).mean(1))) - exp(cos(2 * pi * x).mean(1)),
    "alpine": lambda x: abs(x * sin(x) + 0.1 * x).sum(1),
    "brown": brown,
    "exponential": lambda x: -exp(-0.5 * (x * x).sum(1)),
    "griewank": lambda x: 1 + (x * x).sum(1) / 4000 - cos(x / sqrt(k(x))).prod(1),
    "michalewicz": lambda x: -(sin(x) * sin(k(x) * x * x / pi) ** 20).sum(1),
    "qing": lambda x: ((x * x - k(x)) ** 2).sum(1),
    "rastrigin": lambda x: (x * x + 10 - 10 * cos(2 * pi * x)).sum(1),
    "schaffer": schaffer,
    "schwefel": lambda x: 418.9829 * x.shape[1] - (x * sin(sqrt(abs(x)))).sum(1),
}

rows = []
for run in work["runs"]:
    f, shift = functions[run["function"]], np.array(run["shift"])
    start = time.perf_counter()
    search = ttopt.TTOpt(
        lambda x: f(x - shift),
        d=work["dims"],
        a=run["low"],
        b=run["high"],
        p=work["base"],
        q=work["digits"],
        evals=work["evals"],
        is_func=True,
        is_vect=True,
    )
    search.optimize(rank=work["rank"], seed=run["seed"])
    seconds = time.perf_counter() - start
    rows.append({"function": run["function"], "value": float(search.y_opt), "seconds": seconds})

print(json.dumps({"versions": [f"ttopt {importlib.metadata.version('ttopt')}", f"numpy {np.__version__}"], "rows": rows}))
