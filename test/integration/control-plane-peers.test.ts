import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { batchOf, startCloud, type TestCloud } from '../support/cloud.ts';
import { peerTest } from '../support/peers.ts';

type Ended = { readonly code: number | null; readonly output: string };

function run(program: string, parameters: readonly string[]): { readonly ended: Promise<Ended> } {
  const child = spawn(program, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: output.join('') }));
  });
  return { ended };
}

async function reach(cloud: TestCloud): Promise<readonly string[]> {
  const cafile = join(cloud.folder, 'peer-ca.pem');
  await writeFile(cafile, cloud.plane.caPem);
  const { hostname, port } = new URL(cloud.plane.mqttUrl);
  return ['-h', hostname, '-p', port, '--cafile', cafile, '-V', 'mqttv311', '-q', '1'];
}

peerTest(['mosquitto_sub'], '[G10] mosquitto_sub follows a fleet with the token of an operator', async () => {
  await using cloud = await startCloud();
  await using device = await cloud.enrol('a');
  await using link = await device.connect();
  const credentials = ['-u', 'operator', '-P', cloud.plane.operatorToken];
  const topics = ['-t', 't/#', '-F', '%t %p', '-C', '3', '-W', '30', '-d'];
  const listening = run('mosquitto_sub', [...(await reach(cloud)), ...credentials, ...topics]);
  // Batches go on until it has heard three messages: when it has subscribed is its own affair.
  const heard = listening.ended.then(() => true);
  for (let seq = 1; !(await Promise.race([heard, pause()])); seq++) await link.relay(batchOf(seq, seq));
  const { code, output } = await listening.ended;
  expect(code).toBe(0);
  const lines = output.split('\n').filter((line) => line.startsWith('t/'));
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line).toMatch(/^t\/default\/a\/site\/temperature \{"value":\d+\}$/);
});

const pause = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), 50));

peerTest(
  ['mosquitto_sub', 'mosquitto_pub'],
  '[G10] mosquitto clients without a right are told so',
  async () => {
    await using cloud = await startCloud();
    const connection = await reach(cloud);
    const stranger = run('mosquitto_sub', [...connection, '-t', 't/#', '-C', '1', '-W', '10']);
    expect(await stranger.ended).toMatchObject({ code: 4 });
    const credentials = ['-u', 'operator', '-P', cloud.plane.operatorToken];
    const desired = ['-t', 'hf/v1/default/a/desired', '-m', '{}'];
    const forger = run('mosquitto_pub', [...connection, ...credentials, ...desired]);
    expect((await forger.ended).code).not.toBe(0);
  },
);
