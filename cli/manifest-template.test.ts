import { expect, test } from '@jest/globals';
import { parseManifest } from '../manifests/index.ts';
import { manifestTemplate } from './manifest-template.ts';

const hash = '$scrypt$ln=14,r=8,p=1$Z3JlZW5ob3VzZS03IHNhbHQ$bGhqieL198VJ2QyYbRgX8lmxXsl0CtobrDVMQOKzEX0';

/** Takes the marks of comments off lines of YAML; prose and commands stay comments. */
const uncomment = (text: string): string =>
  text.replaceAll(/^# (?=[a-z]+:$| +[\w-]+:(?: |$)| +- )/gm, '').replace('$scrypt$ln=14,r=8,p=1$…', hash);

test('what the template shows in comments is valid when it is taken out of them', () => {
  const text = uncomment(manifestTemplate('greenhouse-7'));
  expect(parseManifest(text)).toMatchObject({
    ok: true,
    machine: {
      apps: { 'my-app': { run: { ports: [8080] } } },
      functions: { 'my-function': {} },
      volumes: { 'my-data': {} },
      clients: { 'sensor-1': { password: hash } },
    },
  });
});
