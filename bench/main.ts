import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** What a bench gives: figures by name; `null` where this machine cannot measure one. */
export type Figures = Readonly<Record<string, number | null>>;

type Bench = { run(report: (line: string) => void): Promise<Figures> };

const folder = fileURLToPath(new URL('.', import.meta.url));

const [name] = process.argv.slice(2);
const entry = `${folder}${name ?? ''}/main.ts`;
if (name === undefined || !/^[a-z0-9-]+$/.test(name) || !existsSync(entry)) {
  const names = (await readdir(folder, { withFileTypes: true }))
    .filter((item) => item.isDirectory())
    .map((item) => item.name);
  process.stderr.write(`Usage: npm run bench -- NAME, one of: ${names.join(', ')}\n`);
  process.exitCode = 2;
} else {
  const bench = (await import(entry)) as Bench;
  const figures = await bench.run((line) => process.stdout.write(`${line}\n`));
  console.table(Object.fromEntries(Object.entries(figures).map(([figure, value]) => [figure, { value }])));
  process.stdout.write(`${JSON.stringify({ bench: name, ...figures })}\n`);
}
