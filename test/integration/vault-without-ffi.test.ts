import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { decodeBlob, encodeBlob } from '../../cloud-sync/vault/format/blob-codec.ts';
import { blobIdOf } from '../../cloud-sync/vault/format/blob-id.ts';
import { masterKeyFrom } from '../../cloud-sync/vault/format/master-key.ts';
import { Sealer } from '../../cloud-sync/vault/format/sealer.ts';

const room = (name: string) => new URL(`../../cloud-sync/vault/format/${name}.ts`, import.meta.url).href;
const key = randomBytes(64);

/** A node without foreign calls, as node 24 is: seals what it is given, and opens what was sealed here. */
const program = `
import { readFileSync } from 'node:fs';
import { masterKeyFrom } from '${room('master-key')}';
import { Sealer } from '${room('sealer')}';
import { decodeBlob, encodeBlob } from '${room('blob-codec')}';
import { openNativeCtr } from '${room('native-ctr')}';
import { openNativeZstd } from '${room('native-zstd')}';
const { key, texts, sealed } = JSON.parse(readFileSync(0, 'utf8'));
const sealer = new Sealer(masterKeyFrom(Buffer.from(key, 'hex')));
const blobs = texts.map((text) => encodeBlob(sealer, Buffer.from(text, 'hex'), 1));
const foreign = openNativeCtr() !== undefined || openNativeZstd() !== undefined;
const opened = sealed.map(({ bytes, ...blob }) => decodeBlob(sealer, Buffer.from(bytes, 'hex'), blob).toString('hex'));
const made = blobs.map(({ sealed, ...lengths }) => ({ ...lengths, bytes: sealed.toString('hex') }));
process.stdout.write(JSON.stringify({ foreign, opened, made }));
`;

test('a node without foreign calls opens what one with them sealed, and the other way around', () => {
  const sealer = new Sealer(masterKeyFrom(key));
  const plains = [Buffer.alloc(0), Buffer.from('a'), Buffer.alloc(100_000, 'text '), randomBytes(70_001)];
  const sealed = plains.map((plain) => {
    const { sealed: bytes, ...lengths } = encodeBlob(sealer, plain, 1);
    return { id: blobIdOf(plain), bytes: bytes.toString('hex'), ...lengths };
  });
  const texts = plains.map((plain) => plain.toString('hex'));
  const flags = ['--disable-warning=ExperimentalWarning', '--no-experimental-ffi', '--input-type=module'];
  const input = JSON.stringify({ key: key.toString('hex'), texts, sealed });
  const answer = JSON.parse(
    execFileSync(process.execPath, [...flags, '--eval', program], { input, encoding: 'utf8' }),
  ) as { foreign: boolean; opened: string[]; made: { bytes: string; uncompressedLength?: number }[] };
  expect(answer.foreign).toBe(false);
  expect(answer.opened).toEqual(texts);
  const opened = answer.made.map(({ bytes, ...lengths }, index) =>
    decodeBlob(sealer, Buffer.from(bytes, 'hex'), { id: blobIdOf(plains[index] ?? key), ...lengths }),
  );
  expect(opened.map((plain) => plain.toString('hex'))).toEqual(texts);
  expect(answer.made.map(({ uncompressedLength }) => uncompressedLength)).toEqual(
    sealed.map(({ uncompressedLength }) => uncompressedLength),
  );
});
