import { entriesOf, member, type JsonObject } from './json.ts';
import type { Path, Problem } from './manifest-error.ts';
import { isLoopbackRegistry } from './registries.ts';
import { quoted, showPath } from './wording.ts';

/** Registries without TLS that are not on this machine, and mirrors that are named twice or are the registry itself. */
export function registryProblems({ registries }: JsonObject): Problem[] {
  return entriesOf(registries).flatMap(([host, spec]) => [
    ...insecureProblems(host, spec),
    ...mirrorProblems(host, member(spec, 'mirrors')),
  ]);
}

function insecureProblems(host: string, spec: unknown): Problem[] {
  if (member(spec, 'insecure') !== true || isLoopbackRegistry(host)) return [];
  return [
    conflict(
      ['registries', host, 'insecure'],
      'is only for a registry on this machine (localhost, 127.…, [::1])',
    ),
  ];
}

function mirrorProblems(host: string, mirrors: unknown): Problem[] {
  if (!Array.isArray(mirrors)) return [];
  const seen = new Set([host]);
  return mirrors.flatMap((mirror: unknown, index) => {
    if (typeof mirror !== 'string') return [];
    const isNew = !seen.has(mirror);
    seen.add(mirror);
    const what = mirror === host ? 'the registry itself' : 'named before';
    return isNew ? [] : [conflict(['registries', host, 'mirrors', index], `is ${quoted(mirror)}, ${what}`)];
  });
}

function conflict(path: Path, what: string): Problem {
  return { code: 'conflict', message: `${showPath(path)} ${what}`, path };
}
