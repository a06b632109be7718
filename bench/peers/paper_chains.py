"""The very chains of the experiments of arXiv 1910.03643: argv[1] is JSON {pima, out, experiments}.

Facts of the authors' repository (github.com/svsamsonov/esvm): numpy's legacy generator, one seed a chain; a start from N(0, 25 I); a step takes the proposal's normals, then, where
proposals can be rejected, a uniform. `experiments`: {name, sampler "ula" | "mala" | "rwm", step, burnIn, draws, seeds, target}; a target is a mixture of two normals
{mean, covariance} at mean and -mean, or a logistic regression {heldOut} on the rows of the CSV `pima` but these, centred, with an intercept, whitened, prior N(0, 100 I). Writes
draws and scores, [seeds, draws, dimensions], to OUT/NAME.npy and OUT/NAME-scores.npy.
"""
import json, os, sys
import numpy as np

work = json.loads(sys.argv[1])
np.seterr(over="ignore")


def mixture(mean, covariance):
    mean, precision = np.array(mean), np.linalg.inv(np.array(covariance))
    direction = precision @ mean

    def of(x):
        apart = x - mean
        weighted = precision @ apart
        cosine = np.exp(-2 * (direction @ x))
        share = cosine / (1 + cosine)
        return -0.5 * (apart @ weighted) + np.log1p(cosine), -weighted - 2 * share * direction

    return len(mean), of


def logistic(held_out):
    table = np.loadtxt(work["pima"], delimiter=",")
    kept = np.delete(table, held_out, axis=0)
    x, y = kept[:, :-1], kept[:, -1]
    x = np.c_[np.ones(len(x)), x - x.mean(axis=0)]
    values, vectors = np.linalg.eigh(x.T @ x)
    x = x @ (vectors / np.sqrt(values)) @ vectors.T
    transposed = np.ascontiguousarray(x.T)

    def of(theta):
        eta = x @ theta
        decay = np.exp(-eta)
        value = (y - 1) @ eta - np.log1p(decay).sum() - theta @ theta / 200
        return value, transposed @ (y - 1 / (1 + decay)) - theta / 100

    return x.shape[1], of


def chain(seed, dimensions, density, sampler, step, burn_in, draws):
    random = np.random.RandomState(seed)
    x = random.normal(scale=5.0, size=dimensions)
    value, score = density(x)
    positions, scores = np.empty((draws, dimensions)), np.empty((draws, dimensions))
    for t in range(-burn_in, draws):
        if t >= 0:
            positions[t], scores[t] = x, score
        move = np.sqrt(2 * step) * random.normal(size=dimensions)
        if sampler != "rwm":
            move = move + step * score
        new = x + move
        new_value, new_score = density(new)
        if sampler != "ula":
            log_ratio = new_value - value
            if sampler == "mala":
                forth, back = move - step * score, -move - step * new_score
                log_ratio += (forth @ forth - back @ back) / (4 * step)
            if not np.log(random.uniform()) <= log_ratio:
                continue
        x, value, score = new, new_value, new_score
    return positions, scores


for one in work["experiments"]:
    target = one["target"]
    dimensions, density = mixture(**target) if "mean" in target else logistic(target["heldOut"])
    chains = [
        chain(seed, dimensions, density, one["sampler"], one["step"], one["burnIn"], one["draws"]) for seed in one["seeds"]
    ]
    for k, ending in enumerate(["", "-scores"]):
        np.save(os.path.join(work["out"], f"{one['name']}{ending}.npy"), np.stack([pair[k] for pair in chains]))
print(json.dumps({"versions": [f"numpy {np.__version__}"]}))
