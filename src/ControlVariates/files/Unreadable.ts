import type { PlatformError } from "effect"
import { SampleFileError } from "../Errors.ts"

const reasonOf = (error: PlatformError.PlatformError): string => {
  switch (error.reason._tag) {
    case "NotFound":
      return "there is no such file"
    case "PermissionDenied":
      return "it may not be read"
    case "BadResource":
      return "it is no file that can be read; is it a directory?"
    default:
      return error.message
  }
}

/** The error of the file system as one that says which file it was, and why in words. */
export const unreadable =
  (path: string) =>
  (error: PlatformError.PlatformError): SampleFileError =>
    path === ""
      ? new SampleFileError({ path: "(no file)", reason: "its name is empty" })
      : new SampleFileError({ path, reason: reasonOf(error) })
