import type { InstanceRecord } from './instance-record.ts';

/** In the environment of each process of an app without a root of its own: whatever it starts inherits it. */
export const marker = 'HOLDFAST_INSTANCE';

/** Names that shells have for themselves. */
const kept = new Set(['OPTIND', 'PPID', 'UID', 'EUID', 'SHELLOPTS', 'BASHOPTS', 'IFS', '_']);

/**
 * A script for `sh -s -- PROGRAM ARGUMENTS…`, which reads it from its standard input: the app's environment comes neither into the
 * arguments of a process, where everybody sees it, nor into a process that still has other rights than the app.
 */
export function startScript({ id, spec }: InstanceRecord, cwd: string): string {
  const all = [...spec.env.filter((entry) => entry.indexOf('=') > 0), `${marker}=${id}`];
  const entries = [...new Map(all.map((entry) => [nameOf(entry), entry])).values()];
  const plain = entries.filter((entry) => isPlain(nameOf(entry)));
  // Names that no shell takes: nothing that holdfast sets is among them.
  const odd = entries.filter((entry) => !isPlain(nameOf(entry)));
  return [
    `cd ${quoted(cwd)} || exit 126`,
    // What it was started with, and what shells set by themselves.
    'unset PATH PWD OLDPWD SHLVL',
    ...plain.map((entry) => `export ${nameOf(entry)}=${quoted(entry.slice(nameOf(entry).length + 1))}`),
    'echo $$ >&4',
    odd.length === 0
      ? 'exec "$@" </dev/null 4>&-'
      : `exec /usr/bin/env ${odd.map(quoted).join(' ')} "$@" </dev/null 4>&-`,
    '',
  ].join('\n');
}

function nameOf(entry: string): string {
  return entry.slice(0, entry.indexOf('='));
}

function isPlain(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !kept.has(name);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
