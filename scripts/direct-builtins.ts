import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Plugin } from 'esbuild';

/** Of the built text: two characters, so that what takes the place of an import is no longer than that. */
const getter = '$b';
// A chunk may have a `process` of its own.
const banner = `const ${getter} = globalThis.process.getBuiltinModule;`;
const requireBanner = `const require = ${getter}('node:module').createRequire(import.meta.url);`;

/** As esbuild writes them without whitespace. */
const imports = /\bimport(?:\{([^{}]*)\}|\*as ([\w$]+) | ([\w$]+) )from"(node:[\w/]+)";/g;

/**
 * Takes node's own modules as they are. To import one makes a module of it, for which node reads all that it exports: of `node:http` that
 * loads a whole client for WebSockets, 80 ms of a command that takes 150. Writes the files itself.
 */
export const directBuiltins: Plugin = {
  name: 'direct-builtins',
  setup: (bundler) => {
    bundler.initialOptions.write = false;
    // One line, of which source maps know.
    bundler.initialOptions.banner = { js: banner };
    bundler.onEnd(async ({ outputFiles = [] }) => {
      for (const { path, contents, text } of outputFiles) {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, path.endsWith('.mjs') ? withDirectBuiltins(text) : contents);
      }
    });
  },
};

/** Every character stays in its place, for source maps. Throws for a text that has the getter's name for something else. */
export function withDirectBuiltins(text: string): string {
  const [hashbang = '', rest = ''] = /^(#!.*\n)?([^]*)$/.exec(text)?.slice(1) ?? [];
  if (!rest.startsWith(banner)) throw new Error('The text does not begin with the getter of builtins');
  const body = rest.slice(banner.length);
  if (/(?<![\w$])\$b\(/.test(body)) throw new Error(`Something else is called ${getter}`);
  const direct = body.replace(imports, (statement, ...groups: readonly (string | undefined)[]) => {
    const [names, all, whole, from = ''] = groups;
    if (names !== undefined) refuseUnknown(names, from);
    const bound = names === undefined ? ` ${all ?? whole ?? ''}` : `{${names.replaceAll(' as ', ':')}}`;
    return `const${bound}=${getter}("${from}");`.padEnd(statement.length);
  });
  // CommonJS packages inside an ES module bundle still call require for node's own modules.
  return `${hashbang}${banner}${/\brequire\b/.test(direct) ? ` ${requireBanner}` : ''}${direct}`;
}

/** What an import would be refused for when it is linked, and the name that only a module has. */
function refuseUnknown(names: string, from: string): void {
  const builtin: unknown = process.getBuiltinModule(from);
  // One that this node does not have is loaded only where it is there.
  if (builtin === undefined) return;
  const own = new Set(Object.getOwnPropertyNames(builtin));
  for (const [name = ''] of names.split(',').map((bound) => bound.trim().split(' as ')))
    if (!own.has(name)) throw new Error(`${from} has no ${name}`);
}
