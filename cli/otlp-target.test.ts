import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Io } from './io.ts';
import { readOtlpTarget } from './otlp-target.ts';

const url = 'http://collector:4318';

function ioWith(headers?: string): Io {
  return { env: headers === undefined ? {} : { OTEL_EXPORTER_OTLP_HEADERS: headers } } as unknown as Io;
}

describe('readOtlpTarget', () => {
  it('takes headers from the variable that OpenTelemetry names', async () => {
    const io = ioWith('authorization=Bearer%20t0ken%3D, X-Scope=a=b');
    expect(await readOtlpTarget(io, { url, headersFile: undefined })).toEqual({
      url,
      headers: { authorization: 'Bearer t0ken=', 'x-scope': 'a=b' },
    });
  });

  it('takes them from a file before the variable', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
    try {
      const headersFile = join(folder, 'headers');
      await writeFile(headersFile, 'Authorization: Bearer a:b\r\n\nX-Scope: one\n');
      const { headers } = await readOtlpTarget(ioWith('authorization=other'), { url, headersFile });
      expect(headers).toEqual({ authorization: 'Bearer a:b', 'x-scope': 'one' });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it.each(['collector:4318', 'ftp://collector', 'http://u:p@collector', 'http://collector/?token=x'])(
    'refuses the address %s',
    async (wrong) => {
      await expect(readOtlpTarget(ioWith(), { url: wrong, headersFile: undefined })).rejects.toMatchObject({
        code: 'usage',
      });
    },
  );

  it.each(['authorization', '=secret', 'a b=secret', 'a=secret%0D%0Ax', 'a=secret%zz'])(
    'refuses the headers %s and shows no value',
    async (headers) => {
      const read = readOtlpTarget(ioWith(headers), { url, headersFile: undefined });
      await expect(read).rejects.toMatchObject({ code: 'usage' });
      await expect(read).rejects.not.toThrow('secret');
    },
  );
});
