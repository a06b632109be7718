"""TT-SVD, rounding and TT-cross by tensorly, teneva and torchTT: argv[1] is JSON {decompositions, rounding, crossTolerance, dimensions,
sizes, seconds, threads}.

Each is given what it needs to reach the same relative error: tensorly the ranks that tesserae found, teneva an absolute error a
truncation, torchTT its relative one. Only peers that are installed take part.
"""
import importlib.metadata, json, os, sys, time, warnings

work = json.loads(sys.argv[1])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # read when numpy is loaded
    os.environ[name] = str(work["threads"])
import numpy as np

warnings.filterwarnings("ignore")
peers = {}
for name in ("tensorly", "teneva", "torchtt"):
    try:
        peers[name] = __import__(name)
    except ImportError:
        pass
if not peers:
    sys.exit("none of tensorly, teneva, torchTT is installed")
packages = {"tensorly": "tensorly", "teneva": "teneva", "torchtt": "torchTT"}
rows = {}


def measure(run, seconds=work["seconds"]):
    start = time.perf_counter()
    result = run()
    first, times = time.perf_counter() - start, []
    if first > 5 * seconds:  # so long a run needs no other to warm up
        return first, result
    until = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < until:
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2], result


def add(name, peer, seconds, error, cores, **rest):
    numbers = sum(int(np.prod(core.shape)) for core in cores)
    row = {"peer": peer, "seconds": seconds, "relativeError": float(error), "numbers": numbers, **rest}
    rows.setdefault(name, []).append(row)


def norm(x):
    return float(np.linalg.norm(x))


e = np.arange(2**20)
hilbert = lambda size, count: 1 / (1 + np.indices([size] * count).sum(0))
tensors = {"20^5": hilbert(20, 5), "8^4": hilbert(8, 4), "2^20": np.sin(e / 1e4) + np.sqrt(e + 1) / 1e3}
for task in work["decompositions"]:
    name, modes, ranks, tolerance = task["name"], task["modes"], task["ranks"], task["tolerance"]
    a = tensors[task["tensor"]].reshape(modes)
    if "tensorly" in peers:
        from tensorly.decomposition import tensor_train

        seconds, cores = measure(lambda: tensor_train(a, ranks))
        add(name, "tensorly", seconds, norm(peers["tensorly"].tt_to_tensor(cores) - a) / norm(a), cores)
    if "teneva" in peers:
        allowed = tolerance * norm(a) / np.sqrt(len(modes) - 1)
        seconds, cores = measure(lambda: peers["teneva"].svd(a, e=allowed))
        add(name, "teneva", seconds, norm(peers["teneva"].full(cores) - a) / norm(a), cores)
    if "torchtt" in peers:
        import torch

        x = torch.tensor(a)
        seconds, train = measure(lambda: peers["torchtt"].TT(x, eps=tolerance))
        add(name, "torchTT", seconds, norm(train.full().numpy() - a) / norm(a), train.cores)

spec = work["rounding"]
rng = np.random.default_rng(1)
d, rank = len(spec["modes"]), spec["rank"]
bounds = [1] + [rank] * (d - 1) + [1]
for k in range(1, d):
    bounds[k] = min(bounds[k], bounds[k - 1] * spec["modes"][k - 1])
for k in range(d - 1, 0, -1):
    bounds[k] = min(bounds[k], bounds[k + 1] * spec["modes"][k])
def random_train():
    return [rng.normal(size=(bounds[k], spec["modes"][k], bounds[k + 1])) / np.sqrt(bounds[k]) for k in range(d)]


single, other = random_train(), random_train()
other[0] = spec["share"] * other[0]
for name, more in (("round X + X", single), ("round X + 1e-10 Y", other)):
    if "teneva" in peers:
        t = peers["teneva"]
        total = t.add(single, more)
        seconds, cores = measure(lambda: t.truncate(total, e=spec["tolerance"]))
        add(name, "teneva", seconds, t.accuracy(cores, total), cores)
    if "torchtt" in peers:
        x, y = (peers["torchtt"].TT([torch.tensor(core) for core in train]) for train in (single, more))
        total = x + y
        seconds, short = measure(lambda: total.round(spec["tolerance"]))
        add(name, "torchTT", seconds, float((short - total).norm() / total.norm()), short.cores)


def ackley(i):
    x = -32.768 + 65.536 * i / 31
    n = x.shape[1]
    return 20 + np.e - 20 * np.exp(-0.2 * np.sqrt((x * x).sum(1) / n)) - np.exp(np.cos(2 * np.pi * x).sum(1) / n)


functions = {
    "1 / (1 + sum i)": lambda i: 1 / (1 + i.sum(1)),
    "sqrt(1 + sum i²)": lambda i: np.sqrt(1 + (i * i).sum(1)),
    "ackley": ackley,
}
d, tolerance = work["dimensions"], work["crossTolerance"]
for name, f in functions.items():
    n = work["sizes"][name]
    points = np.random.default_rng(0).integers(0, n, (256, d))
    values = f(points)
    fresh = np.random.default_rng(1).integers(0, n, (10_000, d))
    expected = f(fresh)
    if "teneva" in peers:
        t = peers["teneva"]

        def cross():
            info = {}
            start = t.rand([n] * d, 2, seed=0)
            cores = t.cross(f, start, e_vld=tolerance / 2, I_vld=points, y_vld=values, nswp=60, dr_max=2, info=info)
            return t.truncate(cores, e=tolerance / 2), info["m"] + len(points)

        seconds, (cores, evaluations) = measure(cross)
        error = norm(t.get_many(cores, fresh) - expected) / norm(expected)
        add(f"TT-cross {name}", "teneva", seconds, error, cores, evaluations=int(evaluations))

versions = [f"{packages[name]} {importlib.metadata.version(packages[name])}" for name in peers]
versions.append(f"numpy {np.__version__}, torch, {work['threads']} threads")
print(json.dumps({"versions": versions, "rows": rows}))
