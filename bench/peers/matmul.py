"""Seconds of one product of n x n matrices in numpy: argv[1] is JSON {sizes, dtypes, threads, seconds}."""
import json, os, sys, time

work = json.loads(sys.argv[1])
for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[name] = str(work["threads"])
import numpy as np

rows = []
for dtype in work["dtypes"]:
    for n in work["sizes"]:
        a = np.random.default_rng(0).standard_normal((n, n)).astype(dtype)
        b = np.random.default_rng(1).standard_normal((n, n)).astype(dtype)
        c = np.empty_like(a)
        for _ in range(3):
            np.matmul(a, b, out=c)
        times = []
        until = time.perf_counter() + work["seconds"]
        while len(times) < 5 or time.perf_counter() < until:
            start = time.perf_counter()
            np.matmul(a, b, out=c)
            times.append(time.perf_counter() - start)
        rows.append({"n": n, "dtype": dtype, "seconds": sorted(times)[len(times) // 2]})
print(json.dumps({"version": f"numpy {np.__version__}", "rows": rows}))
