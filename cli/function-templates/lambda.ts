import type { Template } from './template.ts';

const index = `/** What the API gateway of the device hands over: API Gateway HTTP API, payload format 2.0. */
type HttpEvent = {
  readonly rawPath: string;
  readonly queryStringParameters?: Readonly<Record<string, string>>;
  readonly requestContext: { readonly http: { readonly method: string } };
};

export const handler = async (event: HttpEvent) => {
  const name = event.queryStringParameters?.['name'] ?? 'world';
  console.log(\`\${event.requestContext.http.method} \${event.rawPath}\`);
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ hello: name }),
  };
};
`;

const test = `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestEnvironment } from 'holdfast/testing';

const project = { entry: \`\${import.meta.dirname}/index.ts\`, machine: \`\${import.meta.dirname}/machine.yaml\` };

test('a request is greeted by name', async () => {
  await using device = await createTestEnvironment(project);
  const response = await device.fetch('/hello?name=Ada');
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), { hello: 'Ada' });
});
`;

const manifest = `    on:
      - http: /hello
    limits: { memory: 32MiB, cpu: 50ms, timeout: 5s }
`;

/** An exported handler, as on AWS. */
export const lambdaTemplate: Template = {
  summary: 'an exported handler that answers HTTP, as on AWS Lambda',
  dependencies: {},
  manifest,
  files: { 'index.ts': index, 'index.test.ts': test },
};
