import { Effect } from "effect"
import { key } from "../../src/Random/index.ts"
import {
  Environments,
  type InitialState,
  type Mdp,
  MdpError,
  mdpOfFile,
  parseMdpFile,
  type Simulator,
  startAnywhere,
  startAt
} from "../../src/UVIP/index.ts"
import { readText } from "./TextFile.ts"

export const environmentNames = [
  "frozenlake4x4",
  "frozenlake8x8",
  "garnet",
  "chain",
  "nroom",
  "taxi",
  "cliff",
  "cartpole",
  "acrobot",
  "mountaincar"
] as const
export type EnvironmentName = (typeof environmentNames)[number]

/** Where the states of a problem lie on a grid. */
export interface Grid {
  readonly height: number
  readonly width: number
  /** [states]: row * width + column. */
  readonly cells: ArrayLike<number>
}

/** A problem whose transitions are known. */
export interface TabularProblem {
  readonly _tag: "tabular"
  readonly name: string
  readonly mdp: Mdp
  readonly start: InitialState
  readonly grid?: Grid | undefined
}

/** A problem of which only a simulator is known. */
export interface ContinuousProblem {
  readonly _tag: "continuous"
  readonly name: string
  readonly simulator: Simulator
  readonly start: InitialState
  /** Of each coordinate, for networks and distances. */
  readonly scale: ReadonlyArray<number>
  /** Steps in an episode that is learned from. */
  readonly maxSteps: number
  /** Design points, how many of them a value is the mean of, and episodes a pair that the upper limit costs. */
  readonly points: number
  readonly neighbours: number
  readonly draws: number
  readonly policies: string
}

export type Problem = TabularProblem | ContinuousProblem

const anyOf = ({ states, terminal }: Mdp): InitialState =>
  startAnywhere(Array.from({ length: states }, (_, state) => state).filter((state) => terminal[state] === 0))

const table = (
  name: string,
  mdp: Effect.Effect<Mdp, MdpError>,
  start: InitialState | undefined,
  grid?: readonly [height: number, width: number]
): Effect.Effect<Problem, MdpError> =>
  Effect.map(mdp, (of) => ({
    _tag: "tabular",
    name,
    mdp: of,
    start: start ?? anyOf(of),
    grid: grid && {
      height: grid[0],
      width: grid[1],
      cells: Array.from({ length: of.states }, (_, state) => state)
    }
  }))

const continuous = (
  problem: Omit<ContinuousProblem, "_tag" | "name">,
  name: string
): Effect.Effect<Problem> => Effect.succeed({ _tag: "continuous", name, ...problem })

const { cartPole, acrobot, mountainCar } = Environments

const environments: Record<EnvironmentName, () => Effect.Effect<Problem, MdpError>> = {
  frozenlake4x4: () =>
    table(
      "FrozenLake 4x4",
      Environments.frozenLake({ map: "4x4", discount: 0.9, reward: 10 }),
      startAt(0),
      [4, 4]
    ),
  frozenlake8x8: () =>
    table("FrozenLake 8x8", Environments.frozenLake({ map: "8x8", discount: 0.99 }), startAt(0), [8, 8]),
  garnet: () =>
    table(
      "Garnet",
      Environments.garnet({ states: 20, actions: 5, branching: 2, key: key("garnet") }),
      undefined
    ),
  chain: () => table("Chain", Environments.chain(), undefined, [1, 15]),
  nroom: () =>
    Effect.map(Environments.nRoom(), ({ mdp, height, width, cells, start }) => ({
      _tag: "tabular",
      name: "NRoom",
      mdp,
      start: startAt(start),
      grid: { height, width, cells }
    })),
  taxi: () => table("Taxi", Environments.taxi(), undefined),
  cliff: () => table("CliffWalking", Environments.cliffWalking(), startAt(36), [4, 12]),
  cartpole: () =>
    continuous(
      {
        simulator: cartPole({ discount: 0.9 }),
        start: Environments.cartPoleStart,
        scale: [2.4, 2, 0.2, 2],
        maxSteps: 500,
        points: 100,
        neighbours: 4,
        draws: 100,
        policies: "uniform,actor-critic:1,100,linear"
      },
      "CartPole"
    ),
  acrobot: () =>
    continuous(
      {
        simulator: acrobot({ discount: 0.9 }),
        start: Environments.acrobotStart,
        scale: [Math.PI, Math.PI, 4 * Math.PI, 9 * Math.PI],
        maxSteps: 500,
        points: 150,
        neighbours: 2,
        draws: 100,
        policies: "uniform,linear"
      },
      "Acrobot"
    ),
  mountaincar: () =>
    continuous(
      {
        simulator: mountainCar({ discount: 0.95 }),
        start: Environments.mountainCarStart,
        scale: [0.6, 0.07],
        maxSteps: 500,
        points: 200,
        neighbours: 2,
        draws: 50,
        policies: "uniform,linear"
      },
      "MountainCar"
    )
}

export const environmentProblem = (name: EnvironmentName): Effect.Effect<Problem, MdpError> =>
  environments[name]()

/** The problem of a file like those of `MdpFile`. Fails with `MdpError`, which names the file, the state and the action. */
export const fileProblem = Effect.fnUntraced(function* (path: string) {
  const text = yield* readText(path).pipe(
    Effect.mapError((reason) => new MdpError({ reason: `${path} cannot be read: ${reason}` }))
  )
  const mdp = yield* parseMdpFile(text).pipe(
    Effect.flatMap(mdpOfFile),
    Effect.mapError((error) => new MdpError({ reason: `${path}: ${error.message}` }))
  )
  return { _tag: "tabular", name: path, mdp, start: anyOf(mdp) } satisfies Problem
})
