import type { Api } from '../api.ts';

const standard = 'Encoding';
const decoded = (label: string, bytes: string, expected: string) =>
  `new TextDecoder('${label}').decode(bytes(${bytes})) === ${JSON.stringify(expected)}`;
const text = 'await read(';

export const encoding: readonly Api[] = [
  {
    name: 'TextEncoder',
    standard,
    checks: {
      'encodes UTF-8': `same([...new TextEncoder().encode('aü€😀')], [97, 195, 188, 226, 130, 172, 240, 159, 152, 128])`,
      'encodes nothing': `new TextEncoder().encode().length === 0`,
      'replaces lone surrogates': `same([...new TextEncoder().encode('\\uD800a')], [239, 191, 189, 97])`,
      'encodes into bytes': `(() => { const to = new Uint8Array(4); const r = new TextEncoder().encodeInto('a€ü', to); return same([r.read, r.written, ...to], [2, 4, 97, 226, 130, 172]); })()`,
      'never writes half a character': `(() => { const to = new Uint8Array(3); const r = new TextEncoder().encodeInto('😀', to); return r.read === 0 && r.written === 0; })()`,
      'counts code units': `(() => { const to = new Uint8Array(9); const r = new TextEncoder().encodeInto('😀', to); return r.read === 2 && r.written === 4; })()`,
      'is UTF-8 always': `new TextEncoder().encoding === 'utf-8'`,
    },
  },
  {
    name: 'TextDecoder',
    standard,
    deviation:
      'Encodings other than UTF-8 and UTF-16 are decoded by the host process; those of several bytes give their text with the last piece of a stream, of at most 1 MiB.',
    checks: {
      'decodes UTF-8': decoded('utf-8', '195, 188, 226, 130, 172', 'ü€'),
      'replaces invalid bytes': `new TextDecoder().decode(bytes(97, 0xff, 0xc3, 98, 0xe2, 0x82)) === 'a\\uFFFD\\uFFFDb\\uFFFD'`,
      'throws for invalid bytes when fatal': `throws(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes(0xff)), 'TypeError')`,
      'leaves out the byte order mark': `new TextDecoder().decode(bytes(0xef, 0xbb, 0xbf, 97)) === 'a'`,
      'keeps it when told to': `new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes(0xef, 0xbb, 0xbf, 97)) === '\\uFEFFa'`,
      'decodes a stream': `(() => { const d = new TextDecoder(); return d.decode(bytes(0xe2, 0x82), { stream: true }) + d.decode(bytes(0xac), { stream: true }) + d.decode(); })() === '€'`,
      'ends a stream with what is left': `(() => { const d = new TextDecoder(); d.decode(bytes(0xe2, 0x82), { stream: true }); return d.decode() === '\\uFFFD' && d.decode(bytes(97)) === 'a'; })()`,
      'leaves the mark out once in a stream': `(() => { const d = new TextDecoder(); const o = { stream: true }; return d.decode(bytes(0xef, 0xbb), o) + d.decode(bytes(0xbf, 97), o) + d.decode(bytes(0xef, 0xbb, 0xbf), o) + d.decode(); })() === 'a\\uFEFF'`,
      'takes buffers and views': `new TextDecoder().decode(bytes(97, 98).buffer) === 'ab' && new TextDecoder().decode(new DataView(bytes(97, 98, 99).buffer, 1, 1)) === 'b'`,
      'refuses what is neither': `throws(() => new TextDecoder().decode('a'), 'TypeError')`,
      'decodes UTF-16LE': decoded('utf-16le', '97, 0, 0x3d, 0xd8, 0, 0xde', 'a😀'),
      'decodes UTF-16BE': decoded('utf-16be', '0, 97', 'a'),
      'decodes UTF-16 in pieces': `(() => { const d = new TextDecoder('utf-16le'); return d.decode(bytes(0x3d), { stream: true }) + d.decode(bytes(0xd8, 0), { stream: true }) + d.decode(bytes(0xde)); })() === '😀'`,
      'replaces half a UTF-16 character': `new TextDecoder('utf-16le').decode(bytes(97, 0, 98)) === 'a\\uFFFD'`,
      'decodes windows-1252 under the name latin1': `new TextDecoder('latin1').decode(bytes(0xe4, 0x80)) === 'ä€' && new TextDecoder('latin1').encoding === 'windows-1252'`,
      'decodes Shift_JIS': decoded('shift_jis', '0x82, 0xa0', 'あ'),
      'decodes GBK': decoded('gbk', '0xc4, 0xe3', '你'),
      'decodes KOI8-R': decoded('koi8-r', '0xc1', 'а'),
      'knows labels in any case': `new TextDecoder(' UTF8 ').encoding === 'utf-8' && new TextDecoder('UNICODE-1-1-UTF-8').encoding === 'utf-8'`,
      'refuses unknown labels': `throws(() => new TextDecoder('utf-7'), 'RangeError')`,
      'tells its options': `(() => { const d = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); return d.fatal && d.ignoreBOM; })()`,
    },
  },
  {
    name: 'TextEncoderStream',
    standard,
    checks: {
      encodes: `(${text}streamOf('a', 'ü').pipeThrough(new TextEncoderStream()))).length === 3`,
      'joins surrogates of two pieces': `same([...${text}streamOf('\\uD83D', '\\uDE00').pipeThrough(new TextEncoderStream()))], [240, 159, 152, 128])`,
      'replaces what is left': `same([...${text}streamOf('\\uD83D').pipeThrough(new TextEncoderStream()))], [239, 191, 189])`,
    },
  },
  {
    name: 'TextDecoderStream',
    standard,
    checks: {
      decodes: `(await collect(streamOf(bytes(0xe2), bytes(0x82, 0xac)).pipeThrough(new TextDecoderStream()))).join('') === '€'`,
      'fails for invalid bytes when fatal': `await rejects(collect(streamOf(bytes(0xff)).pipeThrough(new TextDecoderStream('utf-8', { fatal: true }))), 'TypeError')`,
      'tells its options': `new TextDecoderStream('latin1').encoding === 'windows-1252'`,
    },
  },
  {
    name: 'atob()',
    standard: 'HTML',
    checks: {
      decodes: `atob('aGk=') === 'hi' && atob('aGk') === 'hi' && atob(' a G k = ') === 'hi' && atob('/+8=') === '\\xff\\xef'`,
      'refuses what is not base64': `['a', 'aGk==', '*', 'aG=k'].every((text) => throws(() => atob(text), 'InvalidCharacterError'))`,
    },
  },
  {
    name: 'btoa()',
    standard: 'HTML',
    checks: {
      encodes: `btoa('hi') === 'aGk=' && btoa('') === '' && btoa('\\xff\\xef') === '/+8=' && btoa(12) === 'MTI='`,
      'refuses characters beyond U+00FF': `throws(() => btoa('€'), 'InvalidCharacterError')`,
    },
  },
];
