/** Trials on other machines, by Effect's cluster; apart from the rest because that takes time to load. */
export {
  layerRunner,
  onCluster,
  type RunnerObjective,
  type RunnerOptions,
  TrialEntity
} from "./TrialEntity.ts"
