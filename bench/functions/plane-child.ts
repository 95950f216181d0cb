import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { DataPlane } from '../../agent/data-plane.ts';
import { FunctionRuntime, type FunctionBundle } from '../../functions/index.ts';
import { hashPassword } from '../../lib/password.ts';
import { silentLogger } from '../../lib/logger.ts';
import { machineSchema } from '../../manifests/machine.ts';

/**
 * The device's data plane in a process of its own: `node plane-child.mjs ROOT BUNDLE`, the function's bundle, one without
 * files of bytes, as JSON. Prints the MQTT port, ends with stdin. Built by `build-brokers.ts`.
 */
const [root = '', bundleFile = ''] = process.argv.slice(2);
const name = 'transform';
const bundle = JSON.parse(await readFile(bundleFile, 'utf8')) as FunctionBundle;
const machine = machineSchema.parse({
  apiVersion: 'holdfast/v1',
  kind: 'Machine',
  metadata: { name: 'bench' },
  functions: {
    [name]: {
      bundle: 'functions/transform:latest',
      on: [{ mqtt: 'in/#' }],
      bindings: { OUT: { publish: 'out/events' } },
      limits: { concurrency: 64, queue: 100_000 },
    },
  },
  clients: { bench: { password: await hashPassword('bench'), publish: ['in/#'], subscribe: ['out/#'] } },
});
await using runtime = await FunctionRuntime.open({ logger: silentLogger, onLog: () => undefined });
const mqtt = { host: '127.0.0.1', port: 0 };
await using plane = await DataPlane.open({ root, mqtt, runtime, logger: silentLogger });
await plane.configure(machine, new Map([[name, bundle]]));
process.stdout.write(`${plane.mqtt.port}\n`);
process.stdin.resume();
await once(process.stdin, 'end');
