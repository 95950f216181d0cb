import type { Template } from './template.ts';

const index = `import type { FunctionModule, KeyValue, Publisher } from 'holdfast/sdk';

/** What machine.yaml grants under \`bindings\`. */
type Env = { readonly OUT: Publisher; readonly LATEST: KeyValue };

export default {
  /** A message of sensors/NAME/temperature, such as { "fahrenheit": 68 }. It may come twice: the result is the same. */
  async message(event, env) {
    const { fahrenheit } = event.json() as { fahrenheit: number };
    if (!Number.isFinite(fahrenheit)) throw new TypeError(\`\${event.topic}: fahrenheit is not a number\`);
    const reading = { sensor: event.topic.split('/')[1], celsius: Math.round((fahrenheit - 32) * (50 / 9)) / 10 };
    await env.LATEST.put(String(reading.sensor), reading);
    await env.OUT.publish(reading);
    console.log(\`\${reading.sensor}: \${reading.celsius} °C\`);
  },

  /** holdfast invoke NAME --payload '"roof"' */
  async invoke(payload, env) {
    return (await env.LATEST.get(String(payload))) ?? null;
  },
} satisfies FunctionModule<Env>;
`;

const test = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestEnvironment } from 'holdfast/testing';

const project = { entry: \`\${import.meta.dirname}/index.ts\`, machine: \`\${import.meta.dirname}/machine.yaml\` };

test('a reading is converted, published and kept', async () => {
  await using device = await createTestEnvironment(project);
  await device.message('sensors/roof/temperature', { fahrenheit: 68 });
  assert.deepEqual(device.published.map((message) => message.json()), [{ sensor: 'roof', celsius: 20 }]);
  assert.deepEqual(await device.invoke('roof'), { sensor: 'roof', celsius: 20 });
});

test('what is no reading changes nothing', async () => {
  await using device = await createTestEnvironment(project);
  await assert.rejects(device.message('sensors/roof/temperature', {}), /fahrenheit is not a number/);
  assert.deepEqual(device.published, []);
});
`;

const manifest = `    on:
      - mqtt: sensors/+/temperature
    bindings:                      # the only authority it has
      OUT: { publish: site/temperature }
      LATEST: { kv: readings }
    limits: { memory: 32MiB, cpu: 50ms, timeout: 5s }
`;

/** A module with handlers, as on Workers. */
export const moduleTemplate: Template = {
  summary: 'a module with handlers for MQTT messages and calls',
  dependencies: {},
  manifest,
  files: { 'index.ts': index, 'index.test.ts': test },
};
