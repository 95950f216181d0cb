import { entriesOf, member } from './json.ts';
import type { JsonObject } from './json.ts';
import type { Path, Problem } from './manifest-error.ts';
import { nearest } from './nearest.ts';
import { siteRoutes } from './site-routes.ts';
import { registryProblems } from './registry-problems.ts';
import { quoted, showPath } from './wording.ts';

/**
 * Names that must be declared elsewhere in the file, and those that must not be taken twice. Works on the document as
 * written, so that it speaks too when other parts of the file are wrong; what has the wrong type is the schema's to say.
 */
export function crossReferenceProblems(document: JsonObject): Problem[] {
  return [
    ...volumeProblems(document),
    ...orderProblems(document),
    ...bindingProblems(document),
    ...triggerProblems(document),
    ...routeProblems(document),
    ...exportProblems(document),
    ...bridgeProblems(document),
    ...listenerProblems(document),
    ...registryProblems(document),
  ];
}

function volumeProblems({ apps, volumes }: JsonObject): Problem[] {
  return entriesOf(apps).flatMap(([app, spec]) =>
    entriesOf(member(spec, 'volumes')).flatMap(([mount, name]) =>
      dangling(['apps', app, 'volumes', mount], name, keysOf(volumes), 'volume under volumes'),
    ),
  );
}

function orderProblems({ apps }: JsonObject): Problem[] {
  const missing = entriesOf(apps).flatMap(([app, spec]) =>
    listOf(member(spec, 'after')).flatMap((name, index) =>
      dangling(['apps', app, 'after', index], name, keysOf(apps), 'app under apps'),
    ),
  );
  return [...missing, ...cycleProblems(apps)];
}

/** Each app that, by `after`, waits for itself. */
function cycleProblems(apps: unknown): Problem[] {
  const after = new Map(entriesOf(apps).map(([app, spec]) => [app, listOf(member(spec, 'after'))]));
  return [...after.keys()]
    .filter((app) => reaches(app, after))
    .map((app) => {
      const path = ['apps', app, 'after'];
      return {
        code: 'conflict' as const,
        message: `${showPath(path)} makes ${quoted(app)} wait for itself`,
        path,
      };
    });
}

function reaches(app: string, after: ReadonlyMap<unknown, readonly unknown[]>): boolean {
  const seen = new Set<unknown>();
  const open = [...(after.get(app) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === app) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(after.get(next) ?? []));
  }
  return false;
}

function bindingProblems({ functions }: JsonObject): Problem[] {
  const queues = entriesOf(functions)
    .flatMap(([, spec]) => listOf(member(spec, 'on')))
    .map((trigger) => member(trigger, 'queue'))
    .filter((name) => typeof name === 'string');
  return entriesOf(functions).flatMap(([name, spec]) =>
    entriesOf(member(spec, 'bindings')).flatMap(([binding, grant]) => {
      const path = ['functions', name, 'bindings', binding];
      return [
        ...dangling(
          [...path, 'invoke'],
          member(grant, 'invoke'),
          keysOf(functions),
          'function under functions',
        ),
        ...dangling([...path, 'queue'], member(grant, 'queue'), queues, 'function triggered by that queue'),
      ];
    }),
  );
}

/** Volumes that are watched, streams that take dead letters, and one function for each queue. */
function triggerProblems({ functions, volumes, streams }: JsonObject): Problem[] {
  const owners = new Map<unknown, Path>();
  return entriesOf(functions).flatMap(([name, spec]) => [
    ...dangling(
      ['functions', name, 'deadLetter'],
      member(spec, 'deadLetter'),
      keysOf(streams),
      'stream under streams',
    ),
    ...listOf(member(spec, 'on')).flatMap((trigger, index) => {
      const path = ['functions', name, 'on', index];
      const queue = [...path, 'queue'];
      return [
        ...dangling([...path, 'volume'], member(trigger, 'volume'), keysOf(volumes), 'volume under volumes'),
        ...dangling(
          [...path, 'stream'],
          member(trigger, 'stream'),
          readableStreams(streams),
          'stream under streams',
        ),
        ...takenTwice(owners, queue, member(trigger, 'queue')),
      ];
    }),
  ]);
}

/** Those of the file, and the machine's own. */
function readableStreams(streams: unknown): string[] {
  return [...keysOf(streams), 'observability'];
}

function bridgeProblems({ bridges, streams }: JsonObject): Problem[] {
  return entriesOf(bridges).flatMap(([name, spec]) =>
    listOf(member(spec, 'out')).flatMap((entry, index) =>
      dangling(
        ['bridges', name, 'out', index, 'stream'],
        member(entry, 'stream'),
        readableStreams(streams),
        'stream under streams',
      ),
    ),
  );
}

/** One port belongs to one listener, whatever the address. */
function listenerProblems({ listeners }: JsonObject): Problem[] {
  const owners = new Map<unknown, Path>();
  return entriesOf(listeners).flatMap(([name, spec]) => {
    const port = member(spec, 'port');
    return typeof port === 'number' ? takenTwice(owners, ['listeners', name, 'port'], String(port)) : [];
  });
}

/** A program is found by its name: one app exports it. */
function exportProblems({ apps }: JsonObject): Problem[] {
  const owners = new Map<unknown, Path>();
  return entriesOf(apps).flatMap(([app, spec]) =>
    listOf(member(spec, 'exports')).flatMap((program, index) =>
      typeof program === 'string'
        ? takenTwice(owners, ['apps', app, 'exports', index], program.slice(program.lastIndexOf('/') + 1))
        : [],
    ),
  );
}

/** One HTTP route belongs to one function or site; all below that of a site is the site's, unless a longer one says otherwise. */
function routeProblems({ apps, functions }: JsonObject): Problem[] {
  const owners = new Map<unknown, Path>();
  const sites = entriesOf(apps).flatMap(([app, spec]) => {
    const path = ['apps', app, 'site', 'route'];
    const route = member(member(spec, 'site'), 'route');
    if (typeof route !== 'string') return [];
    return siteRoutes(route)
      .flatMap((one) => takenTwice(owners, path, one))
      .slice(0, 1);
  });
  const triggers = entriesOf(functions).flatMap(([name, spec]) =>
    listOf(member(spec, 'on')).flatMap((trigger, index) =>
      takenTwice(owners, ['functions', name, 'on', index, 'http'], member(trigger, 'http')),
    ),
  );
  return [...sites, ...triggers];
}

function takenTwice(owners: Map<unknown, Path>, path: Path, name: unknown): Problem[] {
  const owner = owners.get(name);
  if (typeof name !== 'string' || !owner) {
    owners.set(name, path);
    return [];
  }
  const message = `${showPath(path)} is ${quoted(name)}, which is taken by ${showPath(owner)}`;
  return [{ code: 'conflict', message, path }];
}

function dangling(path: Path, name: unknown, declared: readonly string[], what: string): Problem[] {
  if (typeof name !== 'string' || declared.includes(name)) return [];
  const suggestion = nearest(name, declared);
  const message = `${showPath(path)} names ${quoted(name)}, but there is no such ${what}`;
  return [{ code: 'dangling', message, path, ...(suggestion === undefined ? {} : { suggestion }) }];
}

function keysOf(section: unknown): string[] {
  return entriesOf(section).map(([key]) => key);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
