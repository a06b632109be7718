import { fileURLToPath } from "node:url"

/** The directory of the model that comes with the repository. */
export const shippedModel = fileURLToPath(new URL("../../models/state-of-the-union", import.meta.url))
