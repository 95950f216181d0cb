import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { builtProgram } from '../support/built-program.ts';
import { nodeFlags, runCli, temporaryFolder } from '../support/cli.ts';
import { leastCost } from '../../cloud-sync/trust/passphrase-box.ts';
import { createOwnerKey } from '../../cloud-sync/vault/keys/owner-key.ts';
import { hasPeer } from '../support/has-peer.ts';
import { MachineStore } from '../support/machine-store.ts';
import { networkNamespaces } from '../support/network-namespaces.ts';
import { startLine, type Started } from '../support/start-line.ts';

jest.setTimeout(120_000);

let stack: AsyncDisposableStack;
let folder: string;
let store: MachineStore;
let manifest: string;
let bundle: string;
const passphrase = 'seven green herons';

beforeAll(async () => {
  stack = new AsyncDisposableStack();
  folder = stack.use(await temporaryFolder()).path;
  store = await MachineStore.open(join(folder, 'source'));
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'bin'), { recursive: true });
  await mkdir(join(tree, 'pages'));
  await writeFile(join(tree, 'pages/index.html'), '<h1>The handbook</h1>\n');
  await writeFile(join(tree, 'bin/greet'), '#!/bin/sh\necho "hello $1"\n');
  await writeFile(join(tree, 'bin/tick'), '#!/bin/sh\nwhile :; do echo tick; sleep 1; done\n');
  for (const name of ['greet', 'tick']) await chmod(join(tree, 'bin', name), 0o755);
  const greeter = await store.addFunction(
    'greeter',
    'export default { invoke: (name) => `hello ${name}`, message() {} };\n',
  );
  const image = await store.addImage('handbook', tree);
  manifest = join(folder, 'machine.yaml');
  await writeFile(
    manifest,
    `apiVersion: holdfast/v1
kind: Machine
metadata: { name: kiosk-7 }
apps:
  handbook: { image: "${image}", isolation: process, exports: [bin/greet], site: { route: /handbook, folder: pages } }
  ticker: { image: "${image}", isolation: process, run: { command: [bin/tick] } }
functions:
  greeter: { bundle: "${greeter}", on: [{ mqtt: names }] }
volumes: { notes: {} }
vault: { repository: "${join(folder, 'vault')}", owner: "${await createOwnerKey(passphrase, { cost: leastCost })}" }
`,
  );
  bundle = join(folder, 'machine.hfb');
  const exported = await holdfast('export', manifest, '-o', bundle, '--root', store.root, '--json');
  expect(exported).toMatchObject({ code: 0 });
  expect(JSON.parse(exported.stdout)).toMatchObject({ file: bundle, components: 3 });
});
afterAll(() => stack.disposeAsync());

/** Without a cloud: no context is there. */
const holdfast = (...parameters: string[]) =>
  runCli(parameters, { env: { HOLDFAST_CONTEXT: join(folder, 'none') } });

test('a bundle takes the place of a bundle or of nothing, and of another file when that is meant', async () => {
  const other = join(folder, 'other.yaml');
  const text = await readFile(manifest, 'utf8');
  await writeFile(other, text);
  const to = (...more: string[]) => holdfast('export', other, '-o', other, '--root', store.root, ...more);
  expect(await to()).toMatchObject({
    code: 8,
    stderr: expect.stringContaining('it exists and is no bundle'),
  });
  expect(await readFile(other, 'utf8')).toBe(text);
  expect(await to('--force')).toMatchObject({ code: 0 });
  const again = ['export', manifest, '-o', other, '--root', store.root];
  expect(await holdfast(...again)).toMatchObject({ code: 0 });
  await writeFile(other, '');
  expect(await holdfast(...again)).toMatchObject({ code: 0 });
  await rm(other);
});

test('the same machine makes the same bundle, and no parts of it stay', async () => {
  const again = join(folder, 'again.hfb');
  expect(await holdfast('export', manifest, '-o', again, '--root', store.root)).toMatchObject({ code: 0 });
  expect((await readFile(again)).equals(await readFile(bundle))).toBe(true);
  expect((await readdir(folder)).filter((name) => /parts|tmp/.test(name))).toEqual([]);
});

const withSkopeo = hasPeer('skopeo') ? test : test.skip;

withSkopeo('other tools open the images of a bundle, for whoever is not root too', async () => {
  const to = join(folder, 'copied');
  await mkdir(to);
  for (const path of [folder, to]) await chmod(path, 0o777);
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  const parameters = ['copy', '-q', `oci-archive:${bundle}:apps.handbook`, `dir:${to}`];
  const env = { PATH: process.env.PATH, HOME: to, TMPDIR: to };
  await promisify(execFile)('skopeo', parameters, { ...nobody, env, cwd: to });
  expect(await readdir(to)).toContain('manifest.json');
});

test('says what is missing when neither this machine nor a cloud has it', async () => {
  const text = (await readFile(manifest, 'utf8')).replace(
    /(?<=apps\/handbook@sha256:)[0-9a-f]{8}/,
    '00000000',
  );
  const other = join(folder, 'other.yaml');
  await writeFile(other, text);
  const { code, stderr } = await holdfast(
    'export',
    other,
    '-o',
    join(folder, 'other.hfb'),
    '--root',
    store.root,
  );
  expect(code).toBe(4);
  expect(stderr).toContain('There is no cloud to talk to');
  expect(await readdir(folder)).not.toContain('other.hfb');
});

const offline = hasPeer(networkNamespaces) ? test : test.skip;

offline('a machine comes back from its bundle and runs where there is no network at all', async () => {
  const root = join(folder, 'offline');
  const restored = await promisify(execFile)('unshare', [
    '--net',
    process.execPath,
    ...nodeFlags,
    builtProgram(),
    'restore',
    bundle,
    '--root',
    root,
  ]);
  expect(restored.stdout).toContain('kiosk-7 is back');
  expect(restored.stdout).toContain('app handbook');
  const up = [
    'ip link set lo up; exec "$@"',
    'sh',
    process.execPath,
    ...nodeFlags,
    builtProgram(),
    'agent',
    'up',
    '--root',
    root,
    '--json',
  ];
  await using agent: Started = await startLine('unshare', ['--net', 'sh', '-c', ...up, '--mqtt-port', '0']);
  expect(agent.ready).toMatchObject({ event: 'ready', device: 'kiosk-7' });
  const invoked = await holdfast('invoke', 'greeter', '--payload', '"Ada"', '--root', root);
  expect(invoked).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('hello Ada') as unknown,
  });
  const { stdout } = await promisify(execFile)(join(root, 'bin/greet'), ['Ada']);
  expect(stdout).toBe('hello Ada\n');
  const status = await whenRunning(root, 'apps.ticker');
  expect(status).toMatchObject({
    device: 'kiosk-7',
    tenant: null,
    cloud: { url: null, connected: false },
    applied: { generation: 1 },
    exports: { programs: ['greet'] },
  });
  const { port } = status.http;
  const inside = ['-t', String(agent.pid), '--net', 'curl', '-s', `http://127.0.0.1:${port}/handbook/`];
  expect((await promisify(execFile)('nsenter', inside)).stdout).toBe('<h1>The handbook</h1>\n');
  await writeFile(join(root, 'volumes/notes/today.txt'), 'water the herons\n');
  expect(await holdfast('snapshot', 'notes', '--root', root)).toMatchObject({ code: 0 });
  const again = await holdfast('restore', bundle, '--root', root);
  expect(again).toMatchObject({
    code: 8,
    stderr: expect.stringContaining('already holds a machine') as unknown,
  });
});

test.each([
  [
    'one byte of a blob',
    (bytes: Buffer) => flip(bytes, bytes.indexOf('hello ${')),
    /is damaged: the blob sha256:/,
  ],
  [
    'the end',
    (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length / 2)),
    /: it ends (in the middle of an entry|without)/,
  ],
])('refuses a bundle with %s changed, in one line, and installs nothing', async (what, change, message) => {
  const bad = join(folder, `bad ${what}.hfb`);
  await writeFile(bad, change(await readFile(bundle)));
  const root = join(folder, `root ${what}`);
  const { code, stderr } = await holdfast('restore', bad, '--root', root);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
  await expect(readdir(root)).rejects.toMatchObject({ code: 'ENOENT' });
});

offline('brings the data of its volumes back from the bundle, to who has the passphrase', async () => {
  const full = join(folder, 'full.hfb');
  const exported = await holdfast('export', manifest, '-o', full, '--root', store.root, '--with-data');
  expect(exported).toMatchObject({ code: 0, stdout: expect.stringContaining('and the data') as unknown });
  const root = join(folder, 'with data');
  const refused = await holdfast('restore', full, '--root', root);
  expect(refused.stderr).toContain("needs the owner's passphrase or a recovery code");
  const wrong = await runCli(['restore', full, '--root', root], {
    env: { HOLDFAST_PASSPHRASE: 'six grey geese' },
  });
  expect(wrong).toMatchObject({ code: 5 });
  await expect(readdir(root)).rejects.toMatchObject({ code: 'ENOENT' });
  const restored = await runCli(['restore', full, '--root', root], {
    env: { HOLDFAST_PASSPHRASE: passphrase },
  });
  expect(restored).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('volume notes  snapshot') as unknown,
  });
  const restoredFile = join(root, 'volumes/notes/today.txt');
  expect(await readFile(restoredFile, 'utf8')).toBe('water the herons\n');
  const again = await holdfast('restore', full, '--root', root);
  expect(again.stderr).toContain('already holds a machine');
  // It has a key slot of its own in the repository of its manifest.
  const listed = await holdfast('snapshot', 'list', '--root', root);
  expect(listed).toMatchObject({ code: 0, stderr: '' });
  // As if it had been cut short before its last step.
  for (const name of ['state.json', 'state.json.previous']) await rm(join(root, name));
  expect(await holdfast('restore', full, '--root', root, '--no-data')).toMatchObject({ code: 0 });
  expect(await readFile(restoredFile, 'utf8')).toBe('water the herons\n');
});

type Status = { components: Record<string, { state: string }>; http: { port: number } };

/** The status once the component runs. */
async function whenRunning(root: string, component: string): Promise<Status> {
  for (;;) {
    const status = JSON.parse((await holdfast('status', '--root', root, '--json')).stdout) as Status;
    if (status.components[component]?.state === 'running') return status;
    await sleep(200);
  }
}

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
