import type { Machine } from '../../manifests/machine.ts';

/** The stream of each function that gets its dead letters too. */
export function deadLetterStreams(functions: Machine['functions']): Map<string, string> {
  return new Map(
    Object.entries(functions).flatMap(([name, { deadLetter }]) =>
      deadLetter === undefined ? [] : [[name, deadLetter] as const],
    ),
  );
}
