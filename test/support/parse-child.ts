import { readFileSync } from 'node:fs';
import { parseManifest } from '../../manifests/index.ts';

/** `parse-child.ts FILE`: reads a machine file in a process of its own, and says as JSON what is wrong with it. */
const result = parseManifest(readFileSync(process.argv[2] ?? '', 'utf8'));
const problems = result.ok ? [] : result.problems;
process.stdout.write(
  JSON.stringify({
    codes: [...new Set(problems.map(({ code }) => code))],
    first: problems[0] ?? null,
    polluted: [{}, []].some((empty) => 'polluted' in empty),
  }),
);
