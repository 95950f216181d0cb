import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { build } from 'esbuild';

/**
 * `node build.ts FOLDER [--release N]` makes the root of the dashboard's image in FOLDER: node, the libraries that it needs, the server
 * in one file and its page. Then `holdfast image build FOLDER`. Three releases: the second has another page, the third lacks it and is
 * not well.
 */
export type DashboardRelease = 1 | 2 | 3;
const here = import.meta.dirname;

export async function buildDashboard(folder: string, release: DashboardRelease): Promise<void> {
  await rm(join(folder, 'app'), { recursive: true, force: true });
  await mkdir(join(folder, 'app'), { recursive: true });
  await build({
    entryPoints: [join(here, 'server.ts')],
    outfile: join(folder, 'app/server.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    minify: true,
    logLevel: 'warning',
    // CommonJS packages inside call require for node's own modules.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  const page = await readFile(join(here, 'page.html'), 'utf8');
  if (release !== 3) await writeFile(join(folder, 'app/page.html'), pageOf(page, release));
}

/** The program and the libraries that `ldd` names, where the program looks for them. */
export async function addNode(folder: string): Promise<void> {
  const { stdout } = await promisify(execFile)('ldd', [process.execPath]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
  await copyInto(folder, process.execPath, '/usr/bin/node');
  for (const library of libraries) await copyInto(folder, library, library);
}

async function copyInto(folder: string, source: string, target: string): Promise<void> {
  const path = join(folder, target);
  await mkdir(dirname(path), { recursive: true });
  await copyFile(source, path);
}

function pageOf(page: string, release: 1 | 2): string {
  return release === 1 ? page : page.replaceAll('Greenhouse weather', 'Greenhouse weather, by the day');
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { release: { type: 'string', default: '1' } },
  });
  const [folder] = positionals;
  const release = ([1, 2, 3] as const).find((number) => String(number) === values.release);
  if (folder === undefined || release === undefined) {
    process.stderr.write('Usage: build.ts FOLDER [--release 1|2|3]\n');
    process.exitCode = 2;
  } else {
    await addNode(folder);
    await buildDashboard(folder, release);
  }
}
