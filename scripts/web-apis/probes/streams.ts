import type { Api } from '../api.ts';

const standard = 'Streams';
const deviation = 'By web-streams-polyfill; streams cannot be transferred.';
const constructed = (name: string) => ({ 'is not constructed': `throws(() => new ${name}(), 'TypeError')` });

export const streams: readonly Api[] = [
  {
    name: 'ReadableStream',
    standard,
    deviation,
    checks: {
      'gives chunks in order': `same(await collect(new ReadableStream({ start(c) { c.enqueue(1); c.enqueue(2); c.close(); } })), [1, 2])`,
      'pulls when asked': `(async () => { let n = 0; const s = new ReadableStream({ pull(c) { n++ < 3 ? c.enqueue(n) : c.close(); } }); return same(await collect(s), [1, 2, 3]); })()`,
      'is made from an iterable': `same(await collect(ReadableStream.from([1, 2])), [1, 2])`,
      'is made from an async generator': `same(await collect(ReadableStream.from((async function* () { yield 1; yield 2; })())), [1, 2])`,
      iterates: `(async () => { const seen = []; for await (const x of streamOf(1, 2)) seen.push(x); return same(seen, [1, 2]); })()`,
      'is locked by a reader': `(() => { const s = new ReadableStream(); s.getReader(); return s.locked && throws(() => s.getReader(), 'TypeError'); })()`,
      'fails with its error': `await rejects(collect(new ReadableStream({ start(c) { c.error(new RangeError('x')); } })), 'RangeError')`,
      'is cancelled with a reason': `(async () => { let why; const s = new ReadableStream({ cancel(reason) { why = reason; } }); await s.cancel('done'); return why === 'done'; })()`,
      tees: `(async () => { const [a, b] = streamOf(1, 2).tee(); return same(await collect(a), [1, 2]) && same(await collect(b), [1, 2]); })()`,
      'pipes through': `same(await collect(streamOf(1, 2).pipeThrough(new TransformStream({ transform(x, c) { c.enqueue(x * 2); } }))), [2, 4])`,
      'pipes to': `(async () => { const seen = []; await streamOf(1, 2).pipeTo(new WritableStream({ write(x) { seen.push(x); } })); return same(seen, [1, 2]); })()`,
      'stops piping by a signal': `(async () => { const c = new AbortController(); const p = new ReadableStream().pipeTo(new WritableStream(), { signal: c.signal }); c.abort(); return rejects(p, 'AbortError'); })()`,
      'ends iteration by cancelling': `(async () => { let cancelled = false; const s = new ReadableStream({ pull(c) { c.enqueue(1); }, cancel() { cancelled = true; } }); for await (const _ of s) break; return cancelled; })()`,
    },
  },
  {
    name: 'ReadableStreamDefaultReader',
    standard,
    checks: {
      'reads to the end': `(async () => { const r = streamOf(1).getReader(); const a = await r.read(), b = await r.read(); return a.value === 1 && !a.done && b.done && b.value === undefined; })()`,
      'releases its lock': `(() => { const s = new ReadableStream(); const r = s.getReader(); r.releaseLock(); return !s.locked; })()`,
      'tells when it is closed': `(async () => { const r = streamOf().getReader(); await r.closed; return true; })()`,
      'is made for a stream': `new ReadableStreamDefaultReader(new ReadableStream()) instanceof ReadableStreamDefaultReader`,
    },
  },
  {
    name: 'ReadableStreamDefaultController',
    standard,
    checks: {
      ...constructed('ReadableStreamDefaultController'),
      'tells how much is wanted': `(() => { let c; new ReadableStream({ start(own) { c = own; } }, { highWaterMark: 2 }); const before = c.desiredSize; c.enqueue(1); return before === 2 && c.desiredSize === 1; })()`,
      'refuses chunks after the end': `(() => { let c; new ReadableStream({ start(own) { c = own; } }); c.close(); return throws(() => c.enqueue(1), 'TypeError'); })()`,
    },
  },
  {
    name: 'ReadableStreamBYOBReader',
    standard,
    checks: {
      'reads into a buffer': `(async () => { const s = new ReadableStream({ type: 'bytes', start(c) { c.enqueue(bytes(1, 2, 3)); c.close(); } }); const { value } = await s.getReader({ mode: 'byob' }).read(new Uint8Array(2)); return same([...value], [1, 2]); })()`,
      'needs a stream of bytes': `throws(() => new ReadableStream().getReader({ mode: 'byob' }), 'TypeError')`,
    },
  },
  {
    name: 'ReadableStreamBYOBRequest',
    standard,
    checks: {
      ...constructed('ReadableStreamBYOBRequest'),
      'is answered': `(async () => { const s = new ReadableStream({ type: 'bytes', pull(c) { const r = c.byobRequest; r.view[0] = 7; r.respond(1); } }); const { value } = await s.getReader({ mode: 'byob' }).read(new Uint8Array(4)); return same([...value], [7]); })()`,
    },
  },
  {
    name: 'ReadableByteStreamController',
    standard,
    checks: {
      ...constructed('ReadableByteStreamController'),
      'controls streams of bytes': `(() => { let c; new ReadableStream({ type: 'bytes', start(own) { c = own; } }); return c instanceof ReadableByteStreamController && c.byobRequest === null; })()`,
    },
  },
  {
    name: 'WritableStream',
    standard,
    deviation,
    checks: {
      'writes in order': `(async () => { const seen = []; const w = new WritableStream({ write(x) { seen.push(x); }, close() { seen.push('end'); } }).getWriter(); w.write(1); w.write(2); await w.close(); return same(seen, [1, 2, 'end']); })()`,
      aborts: `(async () => { let why; const s = new WritableStream({ abort(reason) { why = reason; } }); await s.abort('no'); return why === 'no'; })()`,
      'is locked by a writer': `(() => { const s = new WritableStream(); s.getWriter(); return s.locked && throws(() => s.getWriter(), 'TypeError'); })()`,
      'fails as its sink does': `await rejects(new WritableStream({ write() { throw new RangeError('x'); } }).getWriter().write(1), 'RangeError')`,
    },
  },
  {
    name: 'WritableStreamDefaultWriter',
    standard,
    checks: {
      'tells how much is wanted': `new WritableStream({}, { highWaterMark: 3 }).getWriter().desiredSize === 3`,
      'is ready when there is room': `(async () => { const w = new WritableStream({ write: () => sleep(1) }).getWriter(); w.write(1); const full = w.desiredSize; await w.ready; return full === 0 && w.desiredSize === 1; })()`,
      'is made for a stream': `new WritableStreamDefaultWriter(new WritableStream()) instanceof WritableStreamDefaultWriter`,
    },
  },
  {
    name: 'WritableStreamDefaultController',
    standard,
    checks: {
      ...constructed('WritableStreamDefaultController'),
      'has a signal that an abort fires': `(async () => { let c; const s = new WritableStream({ start(own) { c = own; } }); await s.abort('no'); return c.signal.aborted && c.signal.reason === 'no'; })()`,
    },
  },
  {
    name: 'TransformStream',
    standard,
    deviation,
    checks: {
      'passes chunks on by itself': `same(await collect(streamOf(1, 2).pipeThrough(new TransformStream())), [1, 2])`,
      'flushes at the end': `same(await collect(streamOf(1).pipeThrough(new TransformStream({ flush(c) { c.enqueue('end'); } }))), [1, 'end'])`,
      'fails both sides': `await rejects(collect(streamOf(1).pipeThrough(new TransformStream({ transform() { throw new RangeError('x'); } }))), 'RangeError')`,
    },
  },
  {
    name: 'TransformStreamDefaultController',
    standard,
    checks: {
      ...constructed('TransformStreamDefaultController'),
      terminates: `same(await collect(streamOf(1, 2).pipeThrough(new TransformStream({ transform(x, c) { c.enqueue(x); c.terminate(); } })).pipeThrough(new TransformStream())), [1])`,
    },
  },
  {
    name: 'CountQueuingStrategy',
    standard,
    checks: {
      'counts chunks': `(() => { const s = new CountQueuingStrategy({ highWaterMark: 4 }); return s.highWaterMark === 4 && s.size('abc') === 1; })()`,
    },
  },
  {
    name: 'ByteLengthQueuingStrategy',
    standard,
    checks: {
      'counts bytes': `(() => { const s = new ByteLengthQueuingStrategy({ highWaterMark: 4 }); return s.highWaterMark === 4 && s.size(bytes(1, 2)) === 2; })()`,
    },
  },
  {
    name: 'CompressionStream',
    standard: 'Compression',
    deviation: 'By fflate.',
    checks: {
      'makes gzip': `(async () => { const c = await read(streamOf(utf8('hello')).pipeThrough(new CompressionStream('gzip'))); return c[0] === 0x1f && c[1] === 0x8b; })()`,
      'makes data smaller': `(await read(streamOf(utf8('ab'.repeat(5000))).pipeThrough(new CompressionStream('deflate')))).length < 200`,
      'refuses other formats': `throws(() => new CompressionStream('br'), 'TypeError')`,
      'refuses text': `await rejects(read(streamOf('text').pipeThrough(new CompressionStream('gzip'))), 'TypeError')`,
    },
  },
  {
    name: 'DecompressionStream',
    standard: 'Compression',
    deviation: 'By fflate. Bytes after the end of deflate-raw data are ignored, not refused.',
    checks: {
      ...Object.fromEntries(
        ['gzip', 'deflate', 'deflate-raw'].map((format) => [
          `gives back what ${format} took`,
          `(async () => { const text = 'grün '.repeat(3000); const s = streamOf(utf8(text)).pipeThrough(new CompressionStream('${format}')).pipeThrough(new DecompressionStream('${format}')); return new TextDecoder().decode(await read(s)) === text; })()`,
        ]),
      ),
      'reads gzip of others': `new TextDecoder().decode(await read(streamOf(Uint8Array.from(atob('H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA=='), (c) => c.charCodeAt(0))).pipeThrough(new DecompressionStream('gzip')))) === 'hello'`,
      'refuses a wrong checksum': `(async () => { const c = await read(streamOf(utf8('hello')).pipeThrough(new CompressionStream('gzip'))); c[c.length - 6] ^= 1; return rejects(read(streamOf(c).pipeThrough(new DecompressionStream('gzip'))), 'TypeError'); })()`,
      'refuses data that is cut off': `(async () => { const c = await read(streamOf(utf8('hello')).pipeThrough(new CompressionStream('deflate'))); return rejects(read(streamOf(c.slice(0, -1)).pipeThrough(new DecompressionStream('deflate'))), 'TypeError'); })()`,
      'refuses what is no gzip': `await rejects(read(streamOf(bytes(1, 2, 3, 4)).pipeThrough(new DecompressionStream('gzip'))), 'TypeError')`,
    },
  },
];
