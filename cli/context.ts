import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { CliError } from './errors.ts';
import { readInput } from './files.ts';
import type { Io } from './io.ts';
import type { Run } from './run.ts';
import { setting } from './setting.ts';

/** How an operator reaches a cloud: the `operator.json` that `holdfast cloud up` writes. */
const contextSchema = z.object({
  url: z.url({ protocol: /^https$/ }),
  token: z.string().min(1).max(4096),
  ca: z.string().max(16_384).describe('CA certificate, PEM.'),
});
export type Context = z.output<typeof contextSchema>;

const maxBytes = 64 * 2 ** 10;

/** `--context`, else HOLDFAST_CONTEXT, else `$XDG_CONFIG_HOME/holdfast/context.json`. */
export function contextPath({ io: { env }, globals }: Pick<Run, 'io' | 'globals'>): string {
  const configHome = setting(env, 'XDG_CONFIG_HOME') ?? join(homeOf(env), '.config');
  return globals.context ?? setting(env, 'HOLDFAST_CONTEXT') ?? join(configHome, 'holdfast', 'context.json');
}

export async function readContext(run: Run): Promise<Context> {
  const path = contextPath(run);
  const text = await readInput(run.io, path, { what: 'context', maxBytes }).catch((cause: unknown) => {
    if (!(cause instanceof CliError && cause.code === 'notFound')) throw cause;
    throw new CliError(
      'noContext',
      `There is no cloud to talk to: the context file ${path} does not exist.`,
      {
        cause,
        hint: 'Start one with `holdfast cloud up --folder DIR` and give --context DIR/operator.json, or set HOLDFAST_CONTEXT.',
      },
    );
  });
  const parsed = contextSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new CliError('badContext', `The context file ${path} is not one that \`holdfast cloud up\` wrote.`, {
    hint: 'It holds {"url", "token", "ca"}: name the right file by --context or HOLDFAST_CONTEXT.',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where the agent keeps everything, an absolute path: `--root`, else HOLDFAST_ROOT, else the system's or the user's data folder. */
export function agentRoot({ io: { env }, globals }: Pick<Run, 'io' | 'globals'>): string {
  const dataHome = setting(env, 'XDG_DATA_HOME') ?? join(homeOf(env), '.local', 'share');
  const fallback = process.getuid?.() === 0 ? '/var/lib/holdfast' : join(dataHome, 'holdfast');
  return resolve(globals.root ?? setting(env, 'HOLDFAST_ROOT') ?? fallback);
}

function homeOf(env: Io['env']): string {
  return setting(env, 'HOME') ?? homedir();
}
