import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { rewriteManifest } from './machine-file.ts';

const source = `# The greenhouse by the lake.
apiVersion: holdfast/v1
kind: Machine
metadata: { name: greenhouse-7 }
functions:
  weather:
    bundle: functions/weather:latest # pushed by CI
    on: [{ mqtt: sensors/# }]
`;

const digest = `sha256:${'a'.repeat(64)}`;

describe('rewriting a manifest', () => {
  test('changes the pinned reference, adds control, and keeps comments and order', () => {
    const document = structuredClone(parse(source)) as { functions: { weather: { bundle: string } } };
    document.functions.weather.bundle = `functions/weather@${digest}`;
    const wanted = {
      ...document,
      control: { url: 'https://localhost:1', recovery: `hfr1.${'x'.repeat(300)}` },
    };
    const text = rewriteManifest(source, wanted);
    expect(parse(text)).toEqual(wanted);
    expect(text).toContain('# The greenhouse by the lake.');
    expect(text).toContain(`bundle: functions/weather@${digest} # pushed by CI`);
  });

  test('gives the same text when nothing changes', () => {
    expect(rewriteManifest(source, parse(source) as never)).toBe(source);
  });

  test('writes the document anew when the text cannot be edited to say it', () => {
    const aliased = 'a: &x { b: 1 }\nc: *x\n';
    const wanted = { a: { b: 1 }, c: { b: 2 } };
    expect(parse(rewriteManifest(aliased, wanted))).toEqual(wanted);
  });
});
