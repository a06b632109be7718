"""Sweeps of value iteration and of upper value iteration in numpy, and V* by Storm: argv[1] is JSON {small, sparse, actions,
branching, discount, tolerance, seconds}; `small` are MDP files, `sparse` counts of states of random problems made here.

The sweeps are whole-array numpy: outcomes padded to one length, sorted by argsort along it. Storm gets the discount as a step to
an absorbing state. Only what is installed takes part.
"""
import json, sys, time
import numpy as np

work = json.loads(sys.argv[1])
try:
    import stormpy
    from stormpy import datastructures, environments, models
except ImportError:
    stormpy = None


def measure(run, seconds=work["seconds"]):
    times, repeat = [], 1
    start = time.perf_counter()
    run()
    repeat = max(1, int(1e-3 / max(time.perf_counter() - start, 1e-7)))
    until = time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < until:
        start = time.perf_counter()
        for _ in range(repeat):
            run()
        times.append((time.perf_counter() - start) / repeat)
    return sorted(times)[len(times) // 2]


def of_file(file):
    states, actions = file["S"], file["A"]
    longest = max(len(row) for state in file["T"] for row in state)
    successors = np.zeros((states, actions, longest), dtype=np.int64)
    probabilities = np.zeros((states, actions, longest))
    for s, state in enumerate(file["T"]):
        for a, row in enumerate(state):
            for j, (y, p) in enumerate(row):
                successors[s, a, j], probabilities[s, a, j] = y, p
            # A padded outcome must not be the largest: it repeats one that there is.
            successors[s, a, len(row) :] = row[-1][0]
    return successors, probabilities, np.array(file["R"]), file["gamma"]


def random_sparse(states):
    shape = (states, work["actions"], work["branching"])
    random = np.random.default_rng(states)
    probabilities = random.random(shape)
    probabilities /= probabilities.sum(-1, keepdims=True)
    return random.integers(states, size=shape), probabilities, random.random(shape[:2]), work["discount"]


def sweeps(problem):
    successors, probabilities, rewards, discount = problem
    states, actions, longest = successors.shape
    f = np.zeros(states)
    for _ in range(200):
        f = (rewards + discount * (probabilities * f[successors]).sum(-1)).mean(-1)
    base = rewards + discount * (probabilities * f[successors]).sum(-1)
    values = base.max(-1) + 1
    action = np.broadcast_to(np.arange(actions)[:, None], (actions, longest)).reshape(-1)
    one_hot = np.eye(actions)[action]

    def bellman():
        return (rewards + discount * (probabilities * values[successors]).sum(-1)).max(-1)

    def sorted_sweep(combine):
        v = (base[:, :, None] + (discount * (values - f))[successors]).reshape(states, -1)
        order = v.argsort(-1)
        v = np.take_along_axis(v, order, -1)
        p = np.take_along_axis(probabilities.reshape(states, -1), order, -1)
        c = combine((p[:, :, None] * one_hot[order]).cumsum(1))
        return (v * np.diff(c, prepend=0.0)).sum(-1)

    micro = {
        "Bellman": measure(bellman),
        "independent": measure(lambda: sorted_sweep(lambda F: F.prod(-1))),
        "comonotone": measure(lambda: sorted_sweep(lambda F: F.min(-1))),
    }
    return {name: 1e6 * seconds for name, seconds in micro.items()}


def storm(problem):
    successors, probabilities, rewards, discount = problem
    states, actions, _ = successors.shape
    builder = datastructures.SparseMatrixBuilder[float](has_custom_row_grouping=True)
    row = 0
    for s in range(states):
        builder.new_row_group(row)
        for a in range(actions):
            merged = {}
            for y, p in zip(successors[s, a].tolist(), probabilities[s, a].tolist()):
                merged[y] = merged.get(y, 0.0) + discount * p
            for y in sorted(merged):
                if merged[y] > 0:
                    builder.add_next_value(row, y, merged[y])
            builder.add_next_value(row, states, 1 - discount)
            row += 1
    builder.new_row_group(row)
    builder.add_next_value(row, states, 1.0)
    labels = models.StateLabeling(states + 1)
    labels.add_label("done")
    labels.add_label_to_state("done", states)
    reward = models.SparseRewardModel[float](
        optional_state_action_reward_vector=rewards.reshape(-1).tolist() + [0.0]
    )
    parts = models.SparseModelComponents[float](
        transition_matrix=builder.build(), state_labeling=labels, reward_models={"r": reward}
    )
    model = models.SparseMdp[float](parts)
    formula = stormpy.parse_properties('R{"r"}max=? [ F "done" ]')[0]
    environment = stormpy.Environment()
    solver = environment.solver().min_max()
    solver.method = environments.MinMaxMethod.OPTIMISTIC_VALUE_ITERATION
    solver.precision = stormpy.Rational(work["tolerance"])
    solver.relative_termination_criterion = False
    start = time.perf_counter()
    result = stormpy.model_checking(model, formula, only_initial_states=False, environment=environment)
    return time.perf_counter() - start, [result.get_value(s) for s in range(states)]


problems = {}
for name, file in work["small"].items():
    problem = of_file(file)
    problems[name] = {"sweeps": sweeps(problem)}
    if stormpy:
        problems[name]["storm"], problems[name]["stormValues"] = storm(problem)
for name, states in work["sparse"].items():
    problem = random_sparse(states)
    problems[name] = {"sweeps": sweeps(problem)}
    if stormpy:
        problems[name]["storm"] = storm(problem)[0]
versions = [f"numpy {np.__version__}", f"stormpy {stormpy.__version__}" if stormpy else "stormpy is not installed"]
print(json.dumps({"versions": versions, "problems": problems}))
