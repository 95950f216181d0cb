import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, jest, test } from '@jest/globals';
import { runCli, temporaryFolder, type CliResult } from '../support/cli.ts';
import { makeNastyTree } from '../support/nasty-tree.ts';
import { treeDifferences, treeEntries } from '../support/tree-entries.ts';
import { World, worldDevice } from '../support/world.ts';

jest.setTimeout(300_000);

const run = promisify(execFile);
const password = 'correct horse battery staple';

type Place = AsyncDisposable & {
  readonly at: (...names: string[]) => string;
  readonly cli: (...parameters: string[]) => Promise<CliResult>;
  readonly json: (...parameters: string[]) => Promise<Record<string, unknown>>;
  readonly restic: (key: string, ...parameters: string[]) => Promise<string>;
};

/** A folder with an empty repository, which the commands mean. */
async function openPlace(): Promise<Place> {
  const folder = await temporaryFolder();
  const at = (...names: string[]) => join(folder.path, ...names);
  const env = {
    HOME: folder.path,
    XDG_CACHE_HOME: at('cache'),
    HOLDFAST_REPOSITORY: at('repository'),
    HOLDFAST_VAULT_PASSWORD: password,
  };
  const cli = (...parameters: string[]) => runCli(parameters, { env });
  const json = async (...parameters: string[]) => {
    const { code, stdout, stderr } = await cli(...parameters, '--json');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const restic = async (key: string, ...parameters: string[]) => {
    const { stdout } = await run('restic', ['-r', at('repository'), '--no-cache', ...parameters], {
      env: { ...process.env, RESTIC_PASSWORD: key },
    });
    return stdout;
  };
  mkdirSync(at('data'));
  await json('vault', 'init');
  return { at, cli, json, restic, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test('each key slot opens the repository by itself: the printed sheet, a passphrase, a password with stock restic', async () => {
  await using place = await openPlace();
  const { at, cli, json, restic } = place;
  writeFileSync(at('new-password'), 'for restic\n');
  writeFileSync(at('passphrase'), 'four words are enough\n');
  const sheet = await cli('vault', 'key', 'add', '--recovery-code');
  writeFileSync(at('sheet.txt'), sheet.stdout);
  expect(sheet.stdout).toMatch(/^Recovery code of \S+repository, made on [\d-]+\n\n +1 [a-z]+ +2 [a-z]+ /);
  await json('vault', 'key', 'add', '--new-password-file', at('new-password'));
  await json('vault', 'key', 'add', '--new-passphrase-file', at('passphrase'));

  const [byCode, byPassphrase] = await Promise.all([
    json('vault', 'key', 'list', '--recovery-code-file', at('sheet.txt')),
    json('vault', 'key', 'list', '--passphrase-file', at('passphrase')),
  ]);
  const slots = byCode.slots as { name: string; kind: string; inUse: boolean }[];
  expect(slots.map(({ kind, inUse }) => [kind, inUse])).toEqual([
    ['password', false],
    ['recovery', true],
    ['password', false],
    ['passphrase', false],
  ]);
  expect(byPassphrase).toMatchObject({ slots: [{}, {}, {}, { kind: 'passphrase', inUse: true }] });
  await restic('for restic', 'check');

  const [first] = slots;
  const unasked = await cli('vault', 'key', 'remove', first!.name.slice(0, 8));
  expect([unasked.code, unasked.stderr]).toEqual([2, expect.stringContaining('--yes')]);
  await json('vault', 'key', 'remove', first!.name, '--yes', '--recovery-code-file', at('sheet.txt'));
  const gone = await cli('snapshot', 'list');
  expect(gone.code).toBe(5);
});

test('a missing pack is said by its files, and the rest of the snapshots is made usable again', async () => {
  await using place = await openPlace();
  const { at, cli, json, restic } = place;
  // Larger than a tree, and nothing to compress.
  writeFileSync(at('data', 'lost'), randomBytes(50_000));
  await json('snapshot', 'take', at('data'));
  const pack = largestPack(at('repository'));
  writeFileSync(at('data', 'whole'), 'of the second');
  await json('snapshot', 'take', at('data'));
  const fine = await cli('vault', 'check', '--read-data');
  expect([fine.code, fine.stdout]).toEqual([0, expect.stringMatching(/^No damage\. Looked at 2 snapshots/)]);

  renameSync(pack, at('pack'));
  const damaged = await cli('vault', 'check');
  expect(damaged.code).toBe(7);
  expect(damaged.stderr).toMatch(/^pack [0-9a-f]{8}: it is missing$/m);
  expect(damaged.stderr.match(/^ {2}\/lost$/gm)).toHaveLength(2);
  expect(damaged.stderr).not.toContain('/whole');
  const restored = await cli('snapshot', 'restore', 'latest', '--target', at('back'));
  expect([restored.code, readdirSync(at('back'))]).toEqual([7, ['whole']]);

  const dry = await cli('vault', 'repair', 'index', '--dry-run');
  expect([dry.code, dry.stdout]).toEqual([0, expect.stringMatching(/with nothing whole, go +1$/m)]);
  await json('vault', 'repair', 'index', '--yes');
  const repaired = await json('vault', 'repair', 'snapshots', '--yes', '--forget');
  expect(repaired.removed).toHaveLength(2);
  expect(await json('vault', 'check', '--read-data')).toMatchObject({ damages: [], affected: [] });
  await restic(password, 'check', '--read-data');
});

test('a damaged index file takes with it only what it alone names, until it is written anew', async () => {
  await using place = await openPlace();
  const { at, cli, json, restic } = place;
  writeFileSync(at('data', 'first'), 'of the first');
  await json('snapshot', 'take', at('data'));
  const [index] = readdirSync(at('repository', 'index'));
  rmSync(at('data', 'first'));
  writeFileSync(at('data', 'second'), 'of the second');
  await json('snapshot', 'take', at('data'));
  writeFileSync(at('repository', 'index', index!), 'damaged');

  const listed = await cli('snapshot', 'ls', 'latest');
  expect([listed.code, listed.stdout]).toEqual([0, 'second\n']);
  expect(listed.stderr).toMatch(/index file [0-9a-f]{64}.*\n.*holdfast vault repair index$/m);
  const found = await cli('snapshot', 'find', 'second', 'first');
  expect([found.code, found.stdout]).toEqual([7, expect.stringMatching(/^[0-9a-f]{8} .* \/second\n$/)]);
  await json('snapshot', 'restore', 'latest', '--target', at('back'));
  expect(readdirSync(at('back'))).toEqual(['second']);

  writeFileSync(at('data', 'third'), 'that is to be stored');
  const [taken, pruned] = await Promise.all([cli('snapshot', 'take', at('data')), cli('vault', 'prune')]);
  for (const { code, stderr } of [taken, pruned])
    expect([code, stderr]).toEqual([9, expect.stringMatching(/^hint: .*holdfast vault repair index\.$/m)]);
  await json('vault', 'repair', 'index', '--yes');
  expect(await json('vault', 'check', '--read-data')).toMatchObject({ damages: [], affected: [] });
  await restic(password, 'check', '--read-data');
});

test('forgetting shows its plan, asks, and pruning frees the room', async () => {
  await using place = await openPlace();
  const { at, cli, json, restic } = place;
  for (const [hour, name] of [
    ['01', 'one'],
    ['02', 'two'],
    ['03', 'three'],
  ] as const) {
    writeFileSync(at('data', name), name.repeat(10_000));
    await json('snapshot', 'take', at('data'), '--time', `2026-05-01T${hour}:00:00Z`);
    rmSync(at('data', name));
  }
  const rules = ['--keep-last', '1', '--of', at('data')];
  const [dry, unasked, nothing] = await Promise.all([
    cli('snapshot', 'forget', ...rules, '--dry-run'),
    cli('snapshot', 'forget', ...rules),
    cli('snapshot', 'forget'),
  ]);
  expect(dry.stdout).toMatch(/^keep +[0-9a-f]{8} +2026-05-01 03:00:00 .*among the last 1$/m);
  expect(dry.stdout).toMatch(/To keep: 1\. To forget: 2\.\n$/);
  expect([unasked.code, nothing.code]).toEqual([2, 2]);
  expect(await json('snapshot', 'list')).toMatchObject({ snapshots: [{}, {}, {}] });
  const done = await json('snapshot', 'forget', ...rules, '--prune', '--yes');
  expect(done.forgotten).toHaveLength(2);
  expect(done.freedBytes).toBeGreaterThan(0);
  expect(await json('vault', 'prune', '--dry-run')).toMatchObject({ bytes: { freed: 0 } });
  expect(await restic(password, 'check', '--read-data')).toContain('no errors were found');
});

test('a device snapshots into its cloud, only a grant lets it forget, and a blank machine gets all of it back', async () => {
  await using world = await World.open();
  const passphraseFile = join(world.folder, 'passphrase');
  const machineFile = join(world.folder, 'machine.yaml');
  const volume = join(world.root, 'volumes', 'data');
  const sourceFile = join(world.folder, 'source.json');
  writeFileSync(passphraseFile, 'correct horse battery staple\n');
  writeFileSync(
    sourceFile,
    JSON.stringify({
      apiVersion: 'holdfast/v1',
      kind: 'Machine',
      metadata: { name: worldDevice },
      volumes: { data: { snapshot: '0 3 * * *', keep: { last: 1 } } },
    }),
  );
  const withPassphrase = ['--passphrase-file', passphraseFile] as const;
  const deployed = (await world.json(
    ...['deploy', sourceFile, '--out', machineFile, '--wait', '60s'],
    ...withPassphrase,
  )) as { owner: string };
  expect(deployed.owner).toMatch(/^([0-9a-f]{4} ){11}[0-9a-f]{4}$/);

  mkdirSync(volume, { recursive: true });
  makeNastyTree(volume);
  const taken = (await world.json('snapshot')) as { snapshots: { id: string; volume: string }[] };
  expect(taken.snapshots).toMatchObject([{ volume: 'data', skipped: false, problemCount: 0 }]);
  writeFileSync(join(volume, 'later'), 'later');
  const second = await world.cli('snapshot', 'data');
  expect([second.code, second.stdout]).toEqual([0, expect.stringMatching(/^Snapshot [0-9a-f]{8} of data: /)]);
  const expected = treeEntries(volume);

  const [status, usage, unknown, plan, refused] = await Promise.all([
    world.json('vault', 'status'),
    world.json('vault', 'usage', worldDevice),
    world.cli('snapshot', 'dta'),
    world.cli('snapshot', 'forget', '--dry-run'),
    world.cli('snapshot', 'forget', '--yes'),
  ]);
  expect(status).toMatchObject({
    owner: { fingerprint: deployed.owner, offered: null, slot: true },
    volumes: { data: { schedule: '0 3 * * *', overdue: false, failure: null } },
  });
  expect(usage).toMatchObject({ files: { snapshots: { count: 2 } }, grant: null });
  expect(unknown.code).toBe(4);
  expect(plan.stdout).toMatch(/^forget +[0-9a-f]{8} .* data +kiosk-1$/m);
  expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining('grant')]);

  await world.json('vault', 'grant', worldDevice, '--for', '10m');
  await world.json('snapshot', 'forget', '--yes', '--prune');
  expect(await world.json('vault', 'grant', worldDevice, '--end')).toMatchObject({ grant: null });
  const asOperator = ['--repository', `cloud:${worldDevice}`, '--machine-file', machineFile] as const;
  expect(await world.json('snapshot', 'list', 'data', ...asOperator, ...withPassphrase)).toMatchObject({
    snapshots: [{ hostname: worldDevice, paths: ['/volumes/data'] }],
  });

  await world.agent?.stop();
  rmSync(world.root, { recursive: true });
  const restored = await world.cli('restore', machineFile, ...withPassphrase, '--json');
  expect([restored.code, restored.stderr]).toMatchObject([0, expect.any(String)]);
  expect(JSON.parse(restored.stdout)).toMatchObject({ data: { volumes: { data: { problems: 0 } } } });
  expect(treeDifferences(expected, treeEntries(volume))).toEqual([]);
  await world.startAgent();
  const last = (await world.json('snapshot')) as {
    snapshots: { id: string; volume: string }[];
    failures: [];
  };
  expect(last).toMatchObject({ snapshots: [{ volume: 'data' }], failures: [] });

  // Gone behind the device's back: what is the newest now was not.
  const gone = last.snapshots[0]!.id;
  await world.json('vault', 'grant', worldDevice, '--for', '10m');
  await world.json('snapshot', 'forget', gone, '--yes', ...asOperator, ...withPassphrase);
  const { snapshots } = (await world.json('snapshot', 'list')) as { snapshots: { id: string }[] };
  const [latest, byId] = await Promise.all([
    world.cli('snapshot', 'ls', 'latest:data'),
    world.cli('snapshot', 'ls', snapshots[0]!.id),
  ]);
  expect([latest.code, latest.stdout, latest.stderr]).toEqual([7, '', expect.stringContaining(gone)]);
  expect([byId.code, byId.stdout]).toEqual([0, expect.stringContaining('later')]);
});

function largestPack(repository: string): string {
  const folder = join(repository, 'data');
  const packs = readdirSync(folder).flatMap((name) =>
    readdirSync(join(folder, name)).map((pack) => join(folder, name, pack)),
  );
  return packs.sort((a, b) => statSync(b).size - statSync(a).size)[0]!;
}
