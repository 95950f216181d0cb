import { once } from 'node:events';
import { DataPlane } from '../../agent/data-plane.ts';
import { FunctionRuntime } from '../../functions/index.ts';
import { hashPassword } from '../../lib/password.ts';
import { silentLogger } from '../../lib/logger.ts';
import { machineSchema } from '../../manifests/machine.ts';
import { functionBundle } from './bundles.ts';

/** The device's data plane in a process of its own: `node plane-child.ts ROOT HOST_ENTRY`. Prints the MQTT port, ends with stdin. */
const [root = '', hostEntry = ''] = process.argv.slice(2);
const name = 'transform';
const bundle = await functionBundle();
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
await using runtime = await FunctionRuntime.open({ logger: silentLogger, onLog: () => undefined, hostEntry });
const mqtt = { host: '127.0.0.1', port: 0 };
await using plane = await DataPlane.open({ root, mqtt, runtime, logger: silentLogger });
await plane.configure(machine, new Map([[name, bundle]]));
process.stdout.write(`${plane.mqtt.port}\n`);
process.stdin.resume();
await once(process.stdin, 'end');
