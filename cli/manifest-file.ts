import type { ManifestProblem, ParseResult } from '../manifests/index.ts';
import { CliError } from './errors.ts';
import { readInput } from './files.ts';
import type { Run } from './run.ts';

const maxBytes = 2 ** 20;

export type ManifestFile = Extract<ParseResult, { ok: true }> & { readonly text: string };

/** Reads and checks a manifest. All its problems come as one `invalidManifest` error, a line each. */
export async function readManifest(run: Run, path: string): Promise<ManifestFile> {
  const text = await readInput(run.io, path, { what: 'manifest', maxBytes });
  return parseManifestText(text, path);
}

export async function parseManifestText(text: string, path: string): Promise<ManifestFile> {
  const { formatProblems, parseManifest } = await import('../manifests/index.ts');
  const fileName = path === '-' ? 'stdin' : path;
  const parsed = parseManifest(text);
  if (parsed.ok) return { ...parsed, text };
  throw new CliError('invalidManifest', describe(fileName, parsed.problems), {
    details: formatProblems(parsed.problems, fileName).split('\n'),
    data: { ok: false, file: fileName, problems: parsed.problems },
    hint: 'Correct the lines above and run `holdfast validate` again.',
  });
}

function describe(fileName: string, problems: readonly ManifestProblem[]): string {
  return `${fileName} is not a valid manifest: ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}.`;
}
