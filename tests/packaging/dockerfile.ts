/**
 * What the Dockerfile says, for the tests that do the same without Docker.
 *
 * @module
 */

import { DockerfileParser, type Instruction, type JSONInstruction } from "dockerfile-ast";
import { read } from "../helpers/root.ts";

/** A Dockerfile as far as ours goes. */
export interface Dockerfile {
  /** The base image. */
  readonly from: string;
  /** Files and folders, and where they go in the working directory. */
  readonly copies: readonly { readonly sources: readonly string[]; readonly to: string }[];
  /** Shell lines that are run when the image is built. */
  readonly runs: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** The shell line that tells whether it is well. */
  readonly healthcheck: string;
}

/** Reads the project's Dockerfile. */
export function readDockerfile(): Dockerfile {
  const file = DockerfileParser.parse(read("Dockerfile"));
  const all = (keyword: string) =>
    file.getInstructions().filter((instruction) => instruction.getKeyword() === keyword);
  const words = (instruction: Instruction | undefined) =>
    (instruction?.getArguments() ?? []).map((argument) => argument.getValue());
  const list = ([instruction]: Instruction[]) =>
    (instruction as JSONInstruction).getJSONStrings()
      .map((text) => JSON.parse(text.getValue()) as string);
  const [check] = file.getHEALTHCHECKs();
  return {
    from: words(all("FROM")[0])[0] ?? "",
    copies: all("COPY").map((copy) => {
      const given = words(copy);
      return { sources: given.slice(0, -1), to: given.at(-1)! };
    }),
    runs: all("RUN").map((run) => run.getArgumentsContent() ?? ""),
    env: Object.fromEntries(
      file.getENVs().flatMap((env) => env.getProperties())
        .map((property) => [property.getName(), property.getValue() ?? ""]),
    ),
    user: words(all("USER").at(-1))[0] ?? "root",
    entrypoint: list(all("ENTRYPOINT")),
    cmd: list(all("CMD")),
    healthcheck: /CMD ([^]*)$/.exec(check?.getArgumentsContent() ?? "")?.[1] ?? "",
  };
}
