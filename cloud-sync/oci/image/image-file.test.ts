import { describe, expect, test } from '@jest/globals';
import { formatProblems } from '../../../manifests/index.ts';
import { readImageFile } from './image-file.ts';

function problemsOf(text: string): string {
  const read = readImageFile(text);
  return read.ok ? '' : formatProblems(read.problems, 'f');
}

describe('the image file', () => {
  test('says what it says, and nothing when it is empty or all comments', () => {
    const text = 'entrypoint: [/bin/node]\nenv: { PORT: "8080" }\nports: ["53/udp"]\nlayers: [app/lib]\n';
    expect(readImageFile(text)).toMatchObject({
      ok: true,
      value: {
        entrypoint: ['/bin/node'],
        env: { PORT: '8080' },
        ports: ['53/udp'],
        layers: ['app/lib'],
      },
    });
    for (const nothing of ['', '# later\n\n'])
      expect(readImageFile(nothing)).toMatchObject({ ok: true, value: {} });
  });

  test('is refused with every problem, where it is, and the nearest key', () => {
    expect(problemsOf('entrypont: [a]\nenv: { PORT: 8080 }\nlayers: [../up]\n').split('\n')).toEqual([
      'f:1:1: The file has no key "entrypont". Did you mean "entrypoint"?',
      expect.stringMatching(/^f:2:14: env\.PORT must be a text; found 8080: put it into quotes/),
      expect.stringMatching(/^f:3:10: layers\[0\] must be a relative path/),
    ]);
  });

  test.each(['user: "a b"', 'workdir: app', 'stopSignal: TERM', 'ports: ["0"]', 'env: { "A=B": c }', '[]'])(
    'is refused with %s',
    (text) => {
      expect(problemsOf(text)).toMatch(/^f:1:/);
    },
  );
});
