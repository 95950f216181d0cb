import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, jest } from '@jest/globals';
import { hashPassword } from '../../lib/password.ts';
import { peerTest } from '../support/peers.ts';
import { World, worldDevice } from '../support/world.ts';

jest.setTimeout(180_000);

/** Programs of others read what ours wrote, on a cloud and a device as an operator runs them. [G10] */

const run = promisify(execFile);

type Context = { url: string; token: string; ca: string };
const readContext = async ({ env }: World): Promise<Context> =>
  JSON.parse(await readFile(env.HOLDFAST_CONTEXT ?? '', 'utf8')) as Context;

peerTest(['skopeo'], 'skopeo pulls the bundle that holdfast push wrote, by its digest', async () => {
  await using world = await World.open();
  const digest = await world.push('one');
  const { url, token, ca } = await readContext(world);
  await writeFile(join(world.folder, 'ca.crt'), ca);
  const layout = join(world.folder, 'layout');
  const from = `docker://${new URL(url).host}/functions/which@${digest}`;
  const trust = ['--src-cert-dir', world.folder, '--src-creds', `operator:${token}`];
  await run('skopeo', ['--insecure-policy', 'copy', ...trust, from, `oci:${layout}:which`]);
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as {
    manifests: { digest: string }[];
  };
  expect(index.manifests.map((manifest) => manifest.digest)).toEqual([digest]);
  const manifest = JSON.parse(await readFile(blob(layout, digest), 'utf8')) as {
    layers: { digest: string }[];
  };
  const modules = await Promise.all(
    manifest.layers.map((layer) => readFile(blob(layout, layer.digest), 'utf8')),
  );
  expect(modules[0]).toContain('"one"');
});

const talkative = 'export default { message(event, env) { env.OUT.publish({ heard: event.text() }); } };\n';

peerTest(
  ['mosquitto_sub', 'mosquitto_pub'],
  "mosquitto talks to the device's broker and hears what the function says",
  async () => {
    await using world = await World.open();
    const source = join(world.folder, 'talkative.ts');
    await writeFile(source, talkative);
    await world.json('push', source, '--name', 'functions/talkative:latest');
    await writeFile(join(world.folder, 'machine.source.yaml'), await manifest());
    await world.json('deploy', join(world.folder, 'machine.source.yaml'), '--wait', '30s');

    const { mqtt } = world.agent?.ready as { mqtt: { port: number } };
    const as = ['-p', String(mqtt.port), '-u', 'tool', '-P', 'secret', '-q', '1'];
    const listener = spawn('mosquitto_sub', [...as, '-t', 'site/#', '-v', '-C', '1', '-W', '20'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(listener, 'close');
    const lines: string[] = [];
    createInterface({ input: listener.stdout }).on('line', (line) => lines.push(line));
    // It does not tell when its subscription stands, so the door opens until it is heard.
    while (listener.exitCode === null) {
      await run('mosquitto_pub', [...as, '-t', 'in/door', '-m', 'open']);
      await Promise.race([ended, sleep(300)]);
    }
    await ended;
    expect(lines).toContain('site/heard {"heard":"open"}');
    await expect(
      run('mosquitto_pub', [
        '-p',
        String(mqtt.port),
        '-u',
        'tool',
        '-P',
        'wrong',
        '-t',
        'in/door',
        '-m',
        'x',
      ]),
    ).rejects.toThrow(/not authori[sz]ed/i);
  },
);

const blob = (layout: string, digest: string): string => join(layout, 'blobs', ...digest.split(':'));

const manifest = async (): Promise<string> => `apiVersion: holdfast/v1
kind: Machine
metadata: { name: ${worldDevice} }
functions:
  talkative:
    bundle: functions/talkative:latest
    on: [{ mqtt: in/# }]
    bindings: { OUT: { publish: site/heard } }
clients:
  tool: { password: '${await hashPassword('secret')}', publish: [in/#], subscribe: [site/#] }
`;
