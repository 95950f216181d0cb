import { basename, dirname, extname, resolve } from 'node:path';
import type { FunctionSpec } from '../../../manifests/function.ts';
import { formatProblems, ManifestError, parseManifest } from '../../../manifests/index.ts';

export type MachineFunctionOptions = {
  /** The machine file's text, and its name for messages. */
  readonly text: string;
  readonly file: string;
  /** The entry file of the function, which tells its name when none is given. */
  readonly entry?: string | undefined;
  readonly name?: string | undefined;
};

/**
 * The function of a machine file that is meant: the one named, else the only one, else that of the entry's file or folder.
 * Throws ManifestError `invalid`, with every problem of the file.
 */
export function machineFunction({ text, file, entry, name }: MachineFunctionOptions): {
  readonly name: string;
  readonly spec: FunctionSpec;
} {
  const parsed = parseManifest(text);
  if (!parsed.ok) {
    throw new ManifestError(
      'invalid',
      `${file} is not a valid manifest:\n${formatProblems(parsed.problems, file)}`,
    );
  }
  const { functions } = parsed.machine;
  const names = Object.keys(functions);
  const wanted = name === undefined ? [...(names.length === 1 ? names : []), ...namesOf(entry)] : [name];
  for (const name of wanted) {
    const spec = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (spec) return { name, spec };
  }
  const all = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  throw new ManifestError('invalid', `${file} has no function ${wanted.join(' or ') || 'to choose'}: ${all}`);
}

function namesOf(entry: string | undefined): string[] {
  if (entry === undefined) return [];
  const path = resolve(entry);
  return [basename(path, extname(path)), basename(dirname(path))];
}
