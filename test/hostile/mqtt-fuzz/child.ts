import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataPlane } from '../../../agent/data-plane.ts';
import { startControlPlane } from '../../../cloud-sync/control-plane/main.ts';
import { silentLogger } from '../../../lib/logger.ts';
import { FakeRuntime, bundlesOf, machineWith } from '../../support/data-plane.ts';
import type { Measures } from './target.ts';

/** `child.ts KIND FOLDER`, with an IPC channel and --expose-gc: a broker to be fuzzed that can say what it takes up. */
const [kind, folder = ''] = process.argv.slice(2);

async function startLocal(): Promise<object> {
  const mqtt = { host: '127.0.0.1', port: 0 };
  const runtime = new FakeRuntime({});
  const plane = await DataPlane.open({ root: folder, mqtt, runtime, logger: silentLogger });
  const machine = await machineWith({
    streams: { all: { topics: ['#'], keep: { bytes: '1MiB' } } },
    clients: {
      fuzzer: {
        publish: ['fuzz/#', 'evil/#'],
        subscribe: ['fuzz/#'],
        session: { expiry: '1s', messages: 100, bytes: '64KiB' },
      },
      witness: { publish: ['witness/#'], subscribe: ['#'] },
    },
  });
  await plane.configure(machine, bundlesOf(machine));
  return { port: plane.mqtt.port };
}

async function startCloud(): Promise<object> {
  const signal = new AbortController().signal;
  const plane = await startControlPlane({ folder, apiPort: 0, mqttPort: 0, logger: silentLogger, signal });
  const { url, mqttUrl, caPem, operatorToken } = plane;
  return { url, mqttUrl, caPem, operatorToken };
}

/** The least of some samples: what is only waiting to be given back does not count. */
async function measure(): Promise<Measures> {
  const samples: NodeJS.MemoryUsage[] = [];
  for (let turn = 0; turn < 5; turn++) {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await sleep(100);
    samples.push(process.memoryUsage());
  }
  const sockets = await openSockets();
  return {
    rssBytes: Math.min(...samples.map(({ rss }) => rss)),
    heapBytes: Math.min(...samples.map(({ heapUsed, external }) => heapUsed + external)),
    ...sockets,
  };
}

async function openSockets(): Promise<Pick<Measures, 'sockets' | 'files'>> {
  const folder = '/proc/self/fd';
  const names = await readdir(folder);
  // The one that reads the folder is among the names and gone by now.
  const targets = await Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => '')));
  const sockets = targets.filter((target) => target.startsWith('socket:')).length;
  return { sockets, files: targets.filter((target) => target !== '').length - sockets };
}

const ready = await (kind === 'local' ? startLocal() : startCloud());
process.on('message', () => void measure().then((measures) => process.send?.(measures)));
process.on('disconnect', () => process.exit(0));
process.send?.(ready);
