"""Optuna's samplers on tables of trained networks: argv[1] is JSON {tables: [file], budgets, seeds, samplers?}.

Optuna 5's default TPE is the multivariate one. An axis is a categorical parameter; for CMA-ES, which has none, a whole number. A point that was asked for already is answered from
memory and does not count, as if the user kept a cache; a study ends after 4 times the budget all the same. Prints the best values, one a
seed, for each budget.
"""
import json, sys, time, warnings
import optuna

work = json.loads(sys.argv[1])
optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")
samplers = {
    "Optuna TPE": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "Optuna CMA-ES": lambda seed: optuna.samplers.CmaEsSampler(seed=seed, with_margin=True),
}


def best_after(table, sampler, is_categorical, budget):
    study = optuna.create_study(direction=table["goal"], sampler=sampler)
    better = max if table["goal"] == "maximize" else min
    seen, best = {}, []
    for _ in range(4 * budget):
        trial = study.ask()
        index = 0
        for k, size in enumerate(table["shape"]):
            name = f"p{k}"
            level = (
                trial.suggest_categorical(name, list(range(size)))
                if is_categorical
                else trial.suggest_int(name, 0, size - 1)
            )
            index = index * size + level
        value = table["values"][index]
        study.tell(trial, value)
        if index not in seen:
            seen[index] = value
            best.append(value if not best else better(best[-1], value))
            if len(best) == budget:
                break
    return best + [best[-1]] * (budget - len(best))


result = []
for file in work["tables"]:
    table = json.load(open(file))
    runs = {}
    for name in work.get("samplers", samplers):
        start = time.process_time()
        best = [
            best_after(table, samplers[name](seed), "CMA" not in name, max(work["budgets"]))
            for seed in range(work["seeds"])
        ]
        seconds = (time.process_time() - start) / work["seeds"]
        runs[name] = {
            "seconds": seconds,
            "best": {str(budget): [run[budget - 1] for run in best] for budget in work["budgets"]},
        }
    result.append(runs)
print(json.dumps({"versions": [f"Optuna {optuna.__version__}"], "tables": result}))
