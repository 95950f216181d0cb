import type { Template } from './template.ts';

const index = `import { Hono } from 'hono';
import type { KeyValue } from 'holdfast/sdk';

/** What machine.yaml grants under \`bindings\`. */
type Env = { readonly NOTES: KeyValue };

const app = new Hono<{ Bindings: Env }>();

app.get('/notes', async (c) => c.json(await c.env.NOTES.list()));

app.get('/notes/:id', async (c) => {
  const note = await c.env.NOTES.get(c.req.param('id'), { as: 'text' });
  return note === undefined ? c.notFound() : c.text(note);
});

app.put('/notes/:id', async (c) => {
  await c.env.NOTES.put(c.req.param('id'), new TextEncoder().encode(await c.req.text()));
  return c.body(null, 204);
});

export default app;
`;

const test = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestEnvironment } from 'holdfast/testing';

const project = { entry: \`\${import.meta.dirname}/index.ts\`, machine: \`\${import.meta.dirname}/machine.yaml\` };

test('a note is kept', async () => {
  await using device = await createTestEnvironment(project);
  assert.equal((await device.fetch('/notes/1')).status, 404);
  assert.equal((await device.fetch('/notes/1', { method: 'PUT', body: 'water the plants' })).status, 204);
  assert.equal(await (await device.fetch('/notes/1')).text(), 'water the plants');
  assert.deepEqual(await (await device.fetch('/notes')).json(), ['1']);
});
`;

const manifest = `    on:
      - http: /notes/*             # this machine only; see auth in docs/http.md
    bindings:                      # the only authority it has
      NOTES: { kv: notes }
    limits: { memory: 32MiB, cpu: 50ms, timeout: 5s }
`;

/** A Hono app. */
export const honoTemplate: Template = {
  summary: 'an HTTP application with Hono; run npm install first',
  dependencies: { hono: '^4.0.0' },
  manifest,
  files: { 'index.ts': index, 'index.test.ts': test },
};
