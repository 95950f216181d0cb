/* eslint-disable @typescript-eslint/no-deprecated -- formData() of the platform judges ours */
import { describe, expect, test } from '@jest/globals';
import { File as OurFile } from './file.ts';
import { FormData as OurForm } from './form-data.ts';
import { encodeMultipart, parseMultipart } from './multipart.ts';

const tag = (value: object) => Object.prototype.toString.call(value);

const type = (boundary: string) => ({
  headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
});
const crlf = (...lines: string[]) => Buffer.from(lines.join('\r\n'));

describe('multipart/form-data', () => {
  test('what it writes the platform reads', async () => {
    const form = new OurForm();
    form.append('text', 'line\nbreak ü');
    form.append('odd "name"\r\n', '');
    form.append(
      'file',
      new OurFile([new Uint8Array([0, 13, 10, 45, 45, 255])], 'a"b.bin', { type: 'image/png' }),
    );
    form.append('blob', new OurFile(['x'], 'plain'));
    const read = await new Response(
      encodeMultipart(form, 'xxBOUNDARYxx') as never,
      type('xxBOUNDARYxx'),
    ).formData();
    expect(read.get('text')).toBe('line\r\nbreak ü');
    expect(read.get('odd "name"\r\n')).toBe('');
    const file = read.get('file') as File;
    expect([file.name, file.type, [...(await file.bytes())]]).toEqual([
      'a"b.bin',
      'image/png',
      [0, 13, 10, 45, 45, 255],
    ]);
    expect((read.get('blob') as File).type).toBe('application/octet-stream');
  });

  test('what the platform writes it reads', async () => {
    const form = new FormData();
    form.append('a', '1');
    form.append('a', '2');
    form.append('file', new Blob([new Uint8Array([1, 13, 10, 13, 10, 2])], { type: 'text/x' }), 'näme.txt');
    const response = new Response(form);
    const boundary = /boundary=(.*)$/.exec(response.headers.get('content-type')!)![1]!;
    const read = parseMultipart(await response.bytes(), boundary);
    expect(read.getAll('a')).toEqual(['1', '2']);
    const file = read.get('file') as OurFile;
    expect([file.name, file.type, [...(await file.bytes())]]).toEqual([
      'näme.txt',
      'text/x',
      [1, 13, 10, 13, 10, 2],
    ]);
  });

  test('a preamble, padding, an epilogue and an empty part are read', () => {
    const body = crlf('hello', '--b  ', 'content-disposition: form-data; name=x', '', '', '--b--', 'bye');
    expect([...parseMultipart(body, 'b')]).toEqual([['x', '']]);
    expect([...parseMultipart(crlf('--b--', ''), 'b')]).toEqual([]);
  });

  test('names are what the platform takes them for, whatever is in them', async () => {
    const part = (disposition: string) =>
      crlf('--b', `content-disposition: form-data; ${disposition}`, '', 'y', '--b--', '');
    for (const disposition of [
      'name="x; filename=y"',
      'name="a%22b%0d%0Ac"',
      'name="a\\\\b"; filename="C:\\dir\\f.txt"',
    ]) {
      const named = (form: Iterable<readonly [string, unknown]>) =>
        [...form].map(([name, value]) => [name, typeof value === 'string' ? value : (value as File).name]);
      const theirs = await new Response(part(disposition), type('b')).formData();
      expect(named(parseMultipart(part(disposition), 'b'))).toEqual(named(theirs));
    }
    for (const disposition of ['name="a\\"b"', 'name="a"; filename="c\\"d.txt"', 'name="a']) {
      await expect(new Response(part(disposition), type('b')).formData()).rejects.toMatchObject({
        name: 'TypeError',
      });
      expect(() => parseMultipart(part(disposition), 'b')).toThrow(TypeError);
    }
  });

  test.each([
    ['nothing', crlf('')],
    ['no end', crlf('--b', 'content-disposition: form-data; name="x"', '', 'y')],
    ['no name', crlf('--b', 'content-disposition: form-data', '', 'y', '--b--')],
    ['no disposition', crlf('--b', 'x: y', '', 'y', '--b--')],
    ['no head', crlf('--b', '--b--')],
    ['another boundary', crlf('--c', 'content-disposition: form-data; name="x"', '', 'y', '--c--')],
    [
      'something after the boundary',
      crlf('--bc', 'content-disposition: form-data; name="x"', '', 'y', '--b--'),
    ],
    [
      'too many parts',
      Buffer.from(`${'--b\r\ncontent-disposition: form-data; name=x\r\n\r\n\r\n'.repeat(10_001)}--b--`),
    ],
    ['a head without end', crlf('--b', `x: ${'y'.repeat(20_000)}`, '', 'z', '--b--')],
  ])('is refused: %s', (_what, body) => {
    expect(() => parseMultipart(body, 'b')).toThrow(TypeError);
  });
});

describe('FormData', () => {
  test.each<[string, (form: FormData) => unknown]>([
    [
      'set keeps the first place',
      (f) => (['a', 'b', 'a'].forEach((name, at) => f.append(name, `${at}`)), f.set('a', 'x'), [...f]),
    ],
    ['delete', (f) => (f.append('a', '1'), f.delete('a'), [f.has('a'), f.get('a'), f.getAll('a')])],
    ['lone surrogates', (f) => (f.append('a', '\uD800'), f.get('a'))],
    [
      'a blob becomes a file',
      (f) => (
        f.append('a', f.constructor === FormData ? new Blob(['x']) : new OurFile(['x'], 'blob')),
        (f.get('a') as File).name
      ),
    ],
    ['keys and values', (f) => (f.append('a', '1'), [[...f.keys()], [...f.values()], tag(f)])],
  ])('does as the platform does: %s', (_what, use) => {
    expect(use(new OurForm() as never)).toEqual(use(new FormData()));
  });
});
