"""Markov chains and control variates in Python: argv[1] is JSON {data, samplers, fits, window, nuts}.

`data` names a JSON file of a design x [rows, columns] and its labels y. `samplers`: step, burn-in and draws of one chain by straightforward numpy loops. `fits`: numbers of
draws of a numpy fit of degree 2 (windowed sums by cumulative sums, direct solve). `nuts`: chains, warm-up and draws of NUTS by NumPyro, BlackJAX
and PyMC (a process a core), compilation not counted, in float32 (JAX's default) and float64. Only what is installed takes part.
"""
import json, os, sys, time, warnings

work = json.loads(sys.argv[1])
warnings.filterwarnings("ignore")
os.environ.setdefault("XLA_FLAGS", f"--xla_force_host_platform_device_count={work['nuts']['chains']}")
import numpy as np

with open(work["data"]) as file:
    data = json.load(file)
x, y = np.array(data["x"]), np.array(data["y"])
d = x.shape[1]
variance = 100.0


def log_density(theta):
    eta = x @ theta
    return y @ eta - np.logaddexp(0, eta).sum() - 0.5 * theta @ theta / variance


def score(theta):
    return x.T @ (y - 1 / (1 + np.exp(-(x @ theta)))) - theta / variance


def ula(rng, step, burn_in, draws):
    theta, out, grads = np.zeros(d), np.empty((draws, d)), np.empty((draws, d))
    for t in range(-burn_in, draws):
        s = score(theta)
        if t >= 0:
            out[t], grads[t] = theta, s
        theta = theta + step * s + np.sqrt(2 * step) * rng.standard_normal(d)
    return out, grads


def mala(rng, step, burn_in, draws):
    theta, out, grads = np.zeros(d), np.empty((draws, d)), np.empty((draws, d))
    value, s = log_density(theta), score(theta)
    for t in range(-burn_in, draws):
        if t >= 0:
            out[t], grads[t] = theta, s
        new = theta + step * s + np.sqrt(2 * step) * rng.standard_normal(d)
        new_value, new_s = log_density(new), score(new)
        back, forth = theta - new - step * new_s, new - theta - step * s
        if np.log(rng.random()) < new_value - value + (forth @ forth - back @ back) / (4 * step):
            theta, value, s = new, new_value, new_s
    return out, grads


def rwm(rng, step, burn_in, draws):
    theta, out, grads = np.zeros(d), np.empty((draws, d)), np.empty((draws, d))
    value = log_density(theta)
    for t in range(-burn_in, draws):
        if t >= 0:
            out[t], grads[t] = theta, score(theta)
        new = theta + np.sqrt(2 * step) * rng.standard_normal(d)
        new_value = log_density(new)
        if np.log(rng.random()) < new_value - value:
            theta, value = new, new_value
    return out, grads


def features(z, s):
    columns = [s, 2 * (1 + z * s)]
    for i in range(d):
        for j in range(i + 1, d):
            columns.append((z[:, j] * s[:, i] + z[:, i] * s[:, j])[:, None])
    return np.concatenate(columns, 1)


def fit(z, s, f, width):
    both = np.concatenate([features(z - z.mean(0), s), f[:, None]], 1)
    both -= both.mean(0)
    sums = np.concatenate([np.zeros((1, both.shape[1])), np.cumsum(np.pad(both, ((0, width - 1), (0, 0))), 0)])
    n = len(sums) - 1
    low = np.maximum(np.arange(1, n + 1) - width, 0)
    filtered = sums[1:] - sums[low]
    gram = filtered.T @ filtered / (width * len(z))
    return -np.linalg.solve(gram[:-1, :-1], gram[:-1, -1])


def least_seconds(run, times=3):
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


result = {"versions": [f"numpy {np.__version__}"], "samplers": {}, "fits": {}, "nuts": []}
rng = np.random.default_rng(1)
chain = work["samplers"]
for name, sampler in {"ULA": ula, "MALA": mala, "RWM": rwm}.items():
    result["samplers"][name] = least_seconds(
        lambda: sampler(rng, chain["step"], chain["burnIn"], chain["draws"])
    )
for n in work["fits"]:
    z, s = ula(rng, chain["step"], 100, min(n, 10000))
    z, s = np.tile(z, (n // len(z), 1)), np.tile(s, (n // len(s), 1))
    result["fits"][str(n)] = least_seconds(lambda: fit(z, s, z[:, 1], work["window"]))

nuts = work["nuts"]


def record(name, precision, seconds, draws):
    import arviz

    ess = min(float(arviz.ess(np.asarray(draws[:, :, i], dtype=float), method="bulk")) for i in range(d))
    result["nuts"].append({"name": name, "precision": precision, "seconds": seconds, "essBulk": ess})


# Before JAX, whose threads do not survive the forks of PyMC's processes.
try:
    import logging

    import pymc

    logging.getLogger("pymc").setLevel(logging.ERROR)
    with pymc.Model():
        theta = pymc.Normal("theta", 0, variance**0.5, shape=d)
        pymc.Bernoulli("y", logit_p=pymc.math.dot(x, theta), observed=y)

        def pymc_sample(seed):
            return pymc.sample(
                tune=nuts["burnIn"],
                draws=nuts["draws"],
                chains=nuts["chains"],
                cores=min(nuts["chains"], os.cpu_count()),
                initvals={"theta": np.zeros(d)},
                random_seed=seed,
                progressbar=False,
                compute_convergence_checks=False,
            )

        pymc_sample(0)
        trace = pymc_sample(1)
    # What sampling took, tuning included, as PyMC measures it: the model is compiled before.
    record(
        f"PyMC {pymc.__version__}",
        "float64",
        trace.posterior.attrs["sampling_time"],
        trace.posterior["theta"].values,
    )
except ImportError:
    result["versions"].append("pymc is not installed")

try:
    import jax
    import jax.numpy as jnp

    result["versions"].append(f"jax {jax.__version__}")

    for double in [False, True]:
        jax.config.update("jax_enable_x64", double)
        precision = "float64" if double else "float32"
        jx, jy = jnp.array(x), jnp.array(y)

        def jax_log_density(theta):
            eta = jx @ theta
            return jy @ eta - jnp.logaddexp(0.0, eta).sum() - 0.5 * theta @ theta / variance

        try:
            import numpyro
            from numpyro.infer import MCMC, NUTS

            for method in ["vectorized", "parallel"]:
                mcmc = MCMC(
                    NUTS(potential_fn=lambda theta: -jax_log_density(theta)),
                    num_warmup=nuts["burnIn"],
                    num_samples=nuts["draws"],
                    num_chains=nuts["chains"],
                    chain_method=method,
                    progress_bar=False,
                )
                if method == "parallel" and jax.local_device_count() < nuts["chains"]:
                    continue
                start = jnp.zeros((nuts["chains"], d))
                mcmc.run(jax.random.PRNGKey(0), init_params=start)
                begin = time.perf_counter()
                mcmc.run(jax.random.PRNGKey(1), init_params=start)
                draws = np.asarray(mcmc.get_samples(group_by_chain=True))
                record(f"NumPyro {numpyro.__version__}, {method}", precision, time.perf_counter() - begin, draws)
        except ImportError:
            pass
        try:
            import blackjax

            def one_chain(key):
                warm, run = jax.random.split(key)
                adaptation = blackjax.window_adaptation(blackjax.nuts, jax_log_density)
                (state, parameters), _ = adaptation.run(warm, jnp.zeros(d), nuts["burnIn"])
                kernel = blackjax.nuts(jax_log_density, **parameters).step

                def step(state, key):
                    state, _ = kernel(key, state)
                    return state, state.position

                _, positions = jax.lax.scan(step, state, jax.random.split(run, nuts["draws"]))
                return positions

            chains = jax.jit(jax.vmap(one_chain))
            chains(jax.random.split(jax.random.PRNGKey(0), nuts["chains"])).block_until_ready()
            begin = time.perf_counter()
            draws = np.asarray(
                chains(jax.random.split(jax.random.PRNGKey(1), nuts["chains"])).block_until_ready()
            )
            record(f"BlackJAX {blackjax.__version__}, vmap", precision, time.perf_counter() - begin, draws)
        except ImportError:
            pass
except ImportError:
    result["versions"].append("jax is not installed")
print(json.dumps(result))
