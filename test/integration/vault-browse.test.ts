import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readFile as readLocal } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { diffSnapshots } from '../../cloud-sync/vault/browse/diff-snapshots.ts';
import { findEntries } from '../../cloud-sync/vault/browse/find-entries.ts';
import { listEntries } from '../../cloud-sync/vault/browse/list-entries.ts';
import { readFile } from '../../cloud-sync/vault/browse/read-file.ts';
import { makeNastyTree, seededBytes } from '../support/nasty-tree.ts';
import { hasPeer, peerTest } from '../support/peers.ts';
import { ResticRepository } from '../support/restic-repository.ts';

const options = { signal: AbortSignal.timeout(600_000) };
/** Skipped, with the reason in the name, where one of them is missing. */
const judges = ['restic', 'getfattr', 'setfattr'];
const judged = (sentence: string, body: () => Promise<void>) => peerTest(judges, sentence, body, 120_000);
let repository: ResticRepository;
let first: string;
let second: string;

beforeAll(async () => {
  if (!judges.every(hasPeer)) return;
  repository = await ResticRepository.create();
  const { data } = repository;
  makeNastyTree(data);
  for (let folder = 0; folder < 12; folder++) {
    mkdirSync(join(data, `unchanged ${folder}`, 'below'), { recursive: true });
    writeFileSync(join(data, `unchanged ${folder}`, 'below', 'Same.txt'), `same ${folder}`);
  }
  first = await repository.backup();
  writeFileSync(join(data, 'plain', 'large'), seededBytes(3, 10_000_000));
  writeFileSync(join(data, 'plain', 'new.txt'), 'new');
  rmSync(join(data, 'same again'));
  chmodSync(join(data, 'read-only'), 0o640);
  rmSync(join(data, 'to a folder'));
  mkdirSync(join(data, 'to a folder'));
  rmSync(join(data, 'absolute'));
  symlinkSync('/etc/hosts', join(data, 'absolute'));
  mkdirSync(join(data, 'came', 'with'), { recursive: true });
  writeFileSync(join(data, 'came', 'with', 'new.txt'), 'new too');
  second = await repository.backup();
}, 120_000);

afterAll(async () => {
  if (judges.every(hasPeer)) await repository[Symbol.asyncDispose]();
});

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Lone surrogates become what restic's JSON has for them. */
function asText(path: string): string {
  return path.toWellFormed().replaceAll('\uFFFD', '?');
}

function resticText(path: string): string {
  return path.replaceAll('\uFFFD', '?');
}

async function jsonLines(...args: string[]): Promise<Record<string, unknown>[]> {
  const { output } = await repository.restic(...args);
  return output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('ls', () => {
  judged('lists what restic lists, in the same order', async () => {
    const nodes = (await jsonLines('ls', '--json', first)).filter((line) => line.struct_type === 'node');
    const ours = await collect(listEntries(repository.ours, { snapshot: first, recursive: true }, options));
    expect(ours.map(({ path, node }) => [asText(path), node.type])).toEqual(
      nodes.map(({ path, type }) => [resticText(String(path)), type]),
    );
    expect(ours.length).toBeGreaterThan(80);
  });

  judged('lists one folder, or one file, and says what is not there', async () => {
    const below = async (path: string) =>
      (await collect(listEntries(repository.ours, { snapshot: first, path }, options))).map(
        (entry) => entry.path,
      );
    expect(await below(`${repository.data}/plain/`)).toEqual([
      `${repository.data}/plain/large`,
      `${repository.data}/plain/large too`,
    ]);
    expect(await below(`${repository.data}/plain/large`)).toEqual([`${repository.data}/plain/large`]);
    await expect(below('/not/there')).rejects.toMatchObject({ code: 'notFound' });
    await expect(below('/a/../b')).rejects.toMatchObject({ code: 'badRequest' });
  });
});

describe('cat', () => {
  judged('gives the bytes of a file, and nothing of a link or a folder', async () => {
    const bytesOf = async (path: string) =>
      Buffer.concat(await collect(readFile(repository.ours, { snapshot: second, path }, options)));
    const path = join(repository.data, 'plain', 'large');
    expect((await bytesOf(path)).equals(await readLocal(path))).toBe(true);
    expect(await bytesOf(join(repository.data, 'empty'))).toHaveLength(0);
    await expect(bytesOf(join(repository.data, 'dangling'))).rejects.toMatchObject({ code: 'badRequest' });
    await expect(bytesOf(repository.data)).rejects.toMatchObject({ code: 'badRequest' });
  });
});

describe('diff', () => {
  judged('finds what restic finds', async () => {
    const { output } = await repository.restic('diff', first, second);
    const byRestic = output
      .split('\n')
      .flatMap((line) => /^([+\-MT])U? +(\/.*?)\/?$/.exec(line)?.slice(1, 3).join(' ') ?? []);
    const marks = { added: '+', removed: '-', content: 'M', type: 'T', metadata: 'U' };
    const changes = await collect(diffSnapshots(repository.ours, { from: first, to: second }, options));
    const ours = changes
      // restic counts a link to elsewhere among the metadata.
      .filter(({ kind, after }) => kind !== 'metadata' && !(kind === 'content' && after?.type === 'symlink'))
      .map(({ kind, path }) => `${marks[kind]} ${path}`);
    expect(ours.sort()).toEqual(byRestic.sort());
    expect(ours.length).toBeGreaterThan(5);
    const kindOf = (name: string) => changes.find(({ path }) => path === join(repository.data, name))?.kind;
    expect([kindOf('read-only'), kindOf('absolute'), kindOf('to a folder')]).toEqual([
      'metadata',
      'content',
      'type',
    ]);
  });

  judged('is empty between a snapshot and itself', async () => {
    expect(await collect(diffSnapshots(repository.ours, { from: first, to: first }, options))).toEqual([]);
  });
});

describe('find', () => {
  const find = async (pattern: string, ignoreCase = false) => {
    const found = await collect(findEntries(repository.ours, { patterns: [pattern], ignoreCase }, options));
    return found.map(({ snapshot, path }) => `${snapshot.id} ${path}`);
  };

  for (const pattern of ['new.txt', '*.txt', 'l?rge*', '[em]*', '**/below/Same.txt'])
    judged(`finds what restic finds by ${pattern}`, async () => {
      const { output } = await repository.restic('find', '--json', pattern.replace('**/', ''));
      const found = JSON.parse(output) as { snapshot: string; matches: { path: string }[] }[];
      const byRestic = found.flatMap(({ snapshot, matches }) =>
        matches.map(({ path }) => `${snapshot} ${path}`),
      );
      expect((await find(pattern)).sort()).toEqual(byRestic.sort());
      expect(byRestic.length).toBeGreaterThan(0);
    });

  judged('takes whole paths, folders alone, and any case when told', async () => {
    expect(await find(`${repository.data}/plain/new.txt`)).toEqual([
      `${second} ${repository.data}/plain/new.txt`,
    ]);
    expect(await find('to a folder/')).toEqual([`${second} ${repository.data}/to a folder`]);
    expect(await find('same.TXT')).toEqual([]);
    expect(await find('same.TXT', true)).toHaveLength(24);
  });
});
