import { DataPlane } from '../../agent/data-plane.ts';
import { silentLogger } from '../../lib/logger.ts';
import { FakeRuntime, machineWith, type FakeBundle } from './data-plane.ts';

/** A data plane with a bridge in a process of its own, to be killed. */
const [root = '', url = '', qos = '1'] = process.argv.slice(2);

const plane = await DataPlane.open<FakeBundle>({
  ...{ root, mqtt: { host: '127.0.0.1', port: 0 } },
  ...{ runtime: new FakeRuntime(), logger: silentLogger },
});
await plane.configure(
  await machineWith({
    streams: { telemetry: { topics: ['site/#'] }, came: { topics: ['from/#'] } },
    bridges: {
      site: {
        url,
        out: [{ stream: 'telemetry', qos: Number(qos) }],
        in: [{ topics: ['orders/#'], qos: Number(qos), topic: 'from/{topic}' }],
      },
    },
  }),
  new Map(),
);
process.stdout.write(`${plane.mqtt.port}\n`);
