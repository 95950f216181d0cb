import { readFile } from 'node:fs/promises';
import type { Plugin } from 'esbuild';

const runtime = /@jsxRuntime\s/;
const importSource = /^\s*(?:\/\/|\/?\*+)\s*@jsxImportSource\s+\S/m;
const factory = /^\s*(?:\/\/|\/?\*+)\s*@jsx\s+\S/m;

const ours = Symbol('resolved by jsx-pragmas');

/**
 * The pragmas `@jsxImportSource hono/jsx` and `@jsx h` say by themselves, to tsc, how the JSX of one file is compiled; esbuild heeds each
 * only where the file is compiled that way already. It is told so at the end of the file, where no line or column moves.
 */
export const jsxPragmas: Plugin = {
  name: 'jsx-pragmas',
  setup(build) {
    build.onResolve({ filter: /\/jsx-runtime$/ }, async (args) => {
      const { importer, resolveDir, kind, path } = args;
      if (args.pluginData === ours) return undefined;
      const found = await build.resolve(path, { importer, resolveDir, kind, pluginData: ours });
      return found.errors.length > 0 ? { errors: [{ text: notInstalled(path) }] } : undefined;
    });
    build.onLoad({ filter: /\.[jt]sx$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      const way = wayOf(text);
      if (way === undefined) return undefined;
      const loader = path.endsWith('.tsx') ? 'tsx' : 'jsx';
      return { contents: `${text}\n/** @jsxRuntime ${way} */\n`, loader, watchFiles: [path] };
    });
  },
};

/** What the file says itself with `@jsxRuntime` holds. */
function wayOf(text: string): 'automatic' | 'classic' | undefined {
  if (runtime.test(text)) return undefined;
  if (importSource.test(text)) return 'automatic';
  return factory.test(text) ? 'classic' : undefined;
}

function notInstalled(path: string): string {
  const source = path.slice(0, path.lastIndexOf('/'));
  return `JSX needs ${path}, which is not installed: install ${source}, or name another in the file, such as /** @jsxImportSource hono/jsx */, or by jsxImportSource in tsconfig.json.`;
}
