import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** What a bench gives: figures by name; `null` where this machine cannot measure one. */
export type Figures = Readonly<Record<string, number | null>>;

export type RunOptions = {
  /** Less of everything, to see that it works; its figures say little. */
  readonly quick: boolean;
  /** A folder with what is to be worked on, for a bench that works on files: it is read, never changed. Default: the bench's own choice. */
  readonly data?: string | undefined;
};

type Bench = { run(report: (line: string) => void, options: RunOptions): Promise<Figures> };

const folder = fileURLToPath(new URL('.', import.meta.url));

const { name, values } = wanted();
const entry = `${folder}${name}/main.ts`;
if (!/^[a-z0-9-]+$/.test(name) || !existsSync(entry)) {
  const names = (await readdir(folder, { withFileTypes: true }))
    .filter((item) => item.isDirectory())
    .map((item) => item.name);
  process.stderr.write(`Usage: npm run bench -- NAME [--quick] [--data DIR], one of: ${names.join(', ')}\n`);
  process.exitCode = 2;
} else {
  const bench = (await import(entry)) as Bench;
  const figures = await bench.run((line) => process.stdout.write(`${line}\n`), values);
  console.table(Object.fromEntries(Object.entries(figures).map(([figure, value]) => [figure, { value }])));
  process.stdout.write(`${JSON.stringify({ bench: name, ...figures })}\n`);
}

/** Of the command line; no name where it has what there is not. */
function wanted(): { readonly name: string; readonly values: RunOptions } {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: { quick: { type: 'boolean', default: false }, data: { type: 'string' } },
    });
    const [name = '', ...more] = positionals;
    return { name: more.length === 0 ? name : '', values };
  } catch {
    return { name: '', values: { quick: false } };
  }
}
