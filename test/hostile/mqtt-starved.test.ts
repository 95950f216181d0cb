import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { afterEach, expect, jest } from '@jest/globals';
import { builtChild } from '../support/built-program.ts';
import { connectTo, eventually, temporaryFolder } from '../support/data-plane.ts';
import { mountNamespaces, peerTest } from '../support/peers.ts';
import { fillDisk } from '../crash/relay/disk-faults.ts';

jest.setTimeout(120_000);

const processes: ChildProcess[] = [];
afterEach(() => {
  for (const started of processes.splice(0)) started.kill('SIGKILL');
});

/** Starts the broker of a device behind `command`; resolves with its process and port. */
async function start(root: string, command: readonly string[]) {
  const [program, ...args] = [
    ...command,
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    builtChild('broker-child'),
    root,
  ];
  const started = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  processes.push(started);
  for await (const line of createInterface({ input: started.stdout }))
    return { port: Number(line), process: started };
  throw new Error('the device did not start');
}

peerTest(
  ['prlimit'],
  'out of file descriptors, the broker serves who is connected, and new clients when there are some again',
  async () => {
    await using folder = await temporaryFolder();
    const { port, process: device } = await start(folder.path, ['prlimit', '--nofile=64']);
    await using sensor = await connectTo(port);
    const flood: Socket[] = [];
    for (let n = 0; n < 120; n++) {
      const socket = createConnection({ host: '127.0.0.1', port });
      socket.on('error', () => undefined);
      flood.push(socket);
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
    }
    // There are none for some of them.
    await eventually(() => flood.some(({ closed }) => closed));
    for (let n = 0; n < 20; n++) await sensor.client.publishAsync('in/a', 'x', { qos: 1 });
    for (const socket of flood) socket.destroy();
    await eventually(async () => {
      const late = await connectTo(port).catch(() => undefined);
      if (!late) return false;
      await late.client.publishAsync('in/a', 'x', { qos: 1 });
      await late[Symbol.asyncDispose]();
      return true;
    });
    expect([device.exitCode, sensor.client.connected]).toEqual([null, true]);
  },
);

peerTest(
  [mountNamespaces],
  '[G1] on a full disk nothing is acknowledged, what was stays, and the broker goes on when there is room',
  async () => {
    await using folder = await temporaryFolder();
    // The file system is the child's own: from outside it is reached through /proc.
    const script = 'mount -t tmpfs -o size=4m none "$1" && shift && exec "$@"';
    const { port, process: device } = await start(folder.path, [
      ...['unshare', '--map-root-user', '--mount', 'sh', '-c', script, 'sh', folder.path],
    ]);
    const inside = `/proc/${device.pid}/root${folder.path}`;
    const publish = async (text: string): Promise<boolean> => {
      const sensor = await connectTo(port).catch(() => undefined);
      if (!sensor) return false;
      const closed = new Promise<false>((resolve) => sensor.client.once('close', () => resolve(false)));
      const stored = sensor.client.publishAsync('in/state', text, { qos: 1, retain: true }).then(
        () => true,
        () => false,
      );
      const acknowledged = await Promise.race([stored, closed]);
      await sensor[Symbol.asyncDispose]();
      return acknowledged;
    };
    expect(await publish('before')).toBe(true);
    {
      await using _full = await fillDisk(inside);
      // The log of the store has room of its own for a while.
      let taken = 0;
      while (await publish('x'.repeat(100_000))) taken++;
      expect(taken).toBeLessThan(100);
      expect(await publish('y'.repeat(100_000))).toBe(false);
    }
    expect(await publish('after')).toBe(true);
    await using reader = await connectTo(port, { username: 'display' });
    const heard = new Promise<string>((resolve) =>
      reader.client.once('message', (_topic, payload) => resolve(payload.toString())),
    );
    await reader.client.subscribeAsync('in/#');
    expect(await heard).toBe('after');
    expect(device.exitCode).toBeNull();
  },
);
