import { expect, test } from '@jest/globals';
import { exportedOf, formats, readable } from './record-text.ts';

const time = '2026-01-01T00:00:00.000Z';
const line = (payload: Uint8Array | string, topic = 't') =>
  exportedOf({ seq: 1, time, topic, payload: Buffer.from(payload).toString('base64') });

test('a payload is text where it is UTF-8, byte for byte, and base64 elsewhere', () => {
  expect(line('\uFEFFgrün')).toMatchObject({ encoding: 'utf-8', payload: '\uFEFFgrün' });
  expect(line('')).toMatchObject({ encoding: 'utf-8', payload: '' });
  expect(line(Uint8Array.of(0xff, 0))).toMatchObject({ encoding: 'base64', payload: '/wA=' });
});

test('CSV quotes what RFC 4180 has quoted', () => {
  expect(formats.csv.head).toBe('seq,time,topic,contentType,key,encoding,payload,gapCount,gapReason\r\n');
  expect(formats.csv.line(line('{"a":1}'))).toBe(`1,${time},t,,,utf-8,"{""a"":1}",,\r\n`);
  expect(formats.csv.line(line('a\r\nb', 'a,b'))).toBe(`1,${time},"a,b",,,utf-8,"a\r\nb",,\r\n`);
  const gap = { count: 3, reason: 'bytes' };
  expect(formats.csv.line(exportedOf({ seq: 1, time, gap }))).toBe(`1,${time},,,,,,3,bytes\r\n`);
});

test('a JSON line holds the record and which encoding its payload has', () => {
  expect(JSON.parse(formats.jsonl.line(line('x')))).toEqual({
    ...{ seq: 1, time, topic: 't', encoding: 'utf-8', payload: 'x' },
  });
});

test('what is shown to a person has no control characters', () => {
  expect(readable(line('a\u001b[2Jb\nc', 't\u0007'))).toBe(`${time} 1 t  a [2Jb c`);
  expect(readable(exportedOf({ seq: 4, time, gap: { count: 3, reason: 'bytes' } }))).toBe(
    `${time} 4 (3 messages are gone: bytes)`,
  );
});
