import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { createHttpsClient } from '../../lib/https-client.ts';
import { ControlPlaneClient } from '../../cloud-sync/protocol/control-plane-client.ts';
import { createCsr, createDeviceKey, parseEnrolmentToken } from '../../cloud-sync/trust/index.ts';
import { startDaemon, temporaryFolder } from '../support/cli.ts';
import { asDevice, batchOf, eventually, json, subscribe } from '../support/cloud.ts';
import { mountNamespaces, peerTest } from '../support/peers.ts';

const run = promisify(execFile);

peerTest(
  [mountNamespaces],
  '[G1] a cloud whose disk is full acknowledges nothing, keeps what it acknowledged, and goes on when there is room',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-full-'));
    try {
      // The file system is the child's own: it ends with it.
      const script =
        'mount -t tmpfs -o size=12m none "$1" && TMPDIR="$1" exec "$2" --disable-warning=ExperimentalWarning "$3"';
      const child = join(import.meta.dirname, '..', 'support', 'fill-cloud.ts');
      const { stdout } = await run(
        'unshare',
        ['--map-root-user', '--mount', 'sh', '-c', script, 'sh', folder, process.execPath, child],
        { timeout: 100_000 },
      );
      expect(JSON.parse(stdout)).toEqual({
        failure: 'refused',
        logged: true,
        keptAcknowledged: true,
        afterwards: 'done',
        whole: true,
      });
    } finally {
      await rm(folder, { recursive: true });
    }
  },
  120_000,
);

peerTest(
  ['strace'],
  '[G1] a cloud whose fsync fails ends without acknowledging, and what is sent again after its restart is stored once',
  async () => {
    await using temporary = await temporaryFolder();
    const start = () => startDaemon(['cloud', 'up', '--folder', join(temporary.path, 'cloud')]);
    await using first = await start();
    const { url, context } = first.ready as { url: string; context: string };
    const { ca, token } = JSON.parse(await readFile(context, 'utf8')) as { ca: string; token: string };
    await using http = createHttpsClient({ ca });
    const operator = new ControlPlaneClient({ http, url, token });
    const enrolment = await operator.createEnrolmentToken({ device: 'a' });
    const { privateKeyPem: key } = createDeviceKey();
    const { secret } = parseEnrolmentToken(enrolment.token);
    const anybody = new ControlPlaneClient({ http, url });
    const identity = await anybody.enrol({ device: 'a', secret, csr: await createCsr(key, 'a') });
    await using device = asDevice(url, { ...identity, key });
    const send = async (seq: number) => {
      await using link = await subscribe(await device.connect());
      await link.relay(batchOf(seq, seq));
      return json(await link.next(link.topics.relayAck));
    };
    expect(await send(1)).toMatchObject({ seq: 1 });

    const inject = ['-f', '-qq', '-e', 'inject=fsync,fdatasync:error=EIO', '-p', String(first.pid)];
    const strace = spawn('strace', inject, { stdio: ['ignore', 'ignore', 'pipe'] });
    const traced = once(strace, 'close');
    await eventually(
      async () => !/^TracerPid:\s*0$/m.test(await readFile(`/proc/${first.pid}/status`, 'utf8')),
    );
    await expect(send(2)).rejects.toBeDefined();
    expect(await first.stop()).toBe(1); // It had ended before it was told to.
    await traced;

    await using _second = await start();
    expect(await send(2)).toMatchObject({ seq: 2 });
    const { messages } = await operator.messages('a', {});
    expect(messages.map(({ seq }) => seq)).toEqual([1, 2]);
  },
  120_000,
);
