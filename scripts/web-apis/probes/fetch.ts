import type { Api } from '../api.ts';

const standard = 'Fetch';
const file = 'File API';

export const fetching: readonly Api[] = [
  {
    name: 'Headers',
    standard,
    checks: {
      'does not care for case': `new Headers({ 'Content-Type': 'a' }).get('content-type') === 'a'`,
      'joins values': `(() => { const h = new Headers(); h.append('a', '1'); h.append('A', '2'); return h.get('a') === '1, 2'; })()`,
      'sets and deletes': `(() => { const h = new Headers({ a: '1' }); h.set('a', '2'); const set = h.get('a'); h.delete('a'); return set === '2' && h.get('a') === null && !h.has('a'); })()`,
      'takes pairs and others': `new Headers(new Headers([['a', '1']])).get('a') === '1'`,
      'iterates sorted': `same([...new Headers({ b: '2', a: '1' })], [['a', '1'], ['b', '2']])`,
      'keeps cookies apart': `(() => { const h = new Headers(); h.append('set-cookie', 'a=1'); h.append('set-cookie', 'b=2'); return same(h.getSetCookie(), ['a=1', 'b=2']) && [...h].length === 2; })()`,
      'trims values': `new Headers({ a: ' x ' }).get('a') === 'x'`,
      'refuses wrong names and values': `throws(() => new Headers({ 'a b': '1' }), 'TypeError') && throws(() => new Headers({ a: 'x\\ny' }), 'TypeError')`,
      'takes no text for a pair': `throws(() => new Headers(['ab']), 'TypeError') && throws(() => new Headers([['a']]), 'TypeError')`,
      'needs a name and a value': `['append', 'set'].every((name) => throws(() => new Headers()[name]('a'), 'TypeError')) && ['get', 'has', 'delete'].every((name) => throws(() => new Headers()[name](), 'TypeError'))`,
    },
  },
  {
    name: 'Request',
    standard,
    deviation:
      'A function has no origin: mode, credentials, cache, integrity and referrer are not applied. A body is sent whole, not streamed.',
    checks: {
      'has a method, URL and headers': `(() => { const r = new Request('https://a/b', { method: 'post', headers: { x: '1' }, body: 'c' }); return r.method === 'POST' && r.url === 'https://a/b' && r.headers.get('x') === '1'; })()`,
      'is a GET by itself': `new Request('https://a').method === 'GET' && new Request('https://a').body === null`,
      'needs an absolute URL': `throws(() => new Request('/a'), 'TypeError')`,
      'refuses a body with GET': `throws(() => new Request('https://a', { body: 'x' }), 'TypeError')`,
      'reads its body': `(await new Request('https://a', { method: 'POST', body: '{"a":1}' }).json()).a === 1`,
      'names the type of a text': `new Request('https://a', { method: 'POST', body: 'x' }).headers.get('content-type') === 'text/plain;charset=UTF-8'`,
      'names the type of a form': `new Request('https://a', { method: 'POST', body: new URLSearchParams('a=1') }).headers.get('content-type') === 'application/x-www-form-urlencoded;charset=UTF-8'`,
      'is cloned': `(async () => { const r = new Request('https://a', { method: 'POST', body: 'x' }); const c = r.clone(); return (await r.text()) === 'x' && (await c.text()) === 'x'; })()`,
      'is made from another': `new Request(new Request('https://a', { method: 'PUT' }), { headers: { x: '1' } }).method === 'PUT'`,
      'has a signal': `(() => { const c = new AbortController(); const r = new Request('https://a', { signal: c.signal }); c.abort(); return r.signal.aborted; })()`,
    },
  },
  {
    name: 'Response',
    standard,
    deviation: 'A body arrives whole before the response is there, and leaves whole.',
    checks: {
      'has a status and headers': `(() => { const r = new Response('x', { status: 201, statusText: 'Made', headers: { a: '1' } }); return r.status === 201 && r.statusText === 'Made' && r.ok && r.headers.get('a') === '1'; })()`,
      'is 200 by itself': `new Response().status === 200 && new Response().body === null && new Response().type === 'default'`,
      'is ok from 200 to 299': `!new Response(null, { status: 404 }).ok && new Response(null, { status: 204 }).ok`,
      'refuses wrong status': `throws(() => new Response('', { status: 99 }), 'RangeError') && throws(() => new Response('x', { status: 204 }), 'TypeError')`,
      'reads text': `(await new Response('ü').text()) === 'ü'`,
      'reads JSON': `(await new Response('[1]').json())[0] === 1`,
      'reads bytes': `same([...new Uint8Array(await new Response(bytes(1, 2)).arrayBuffer())], [1, 2]) && same([...(await new Response(bytes(3)).bytes())], [3])`,
      'reads a blob': `(async () => { const b = await new Response('x', { headers: { 'content-type': 'text/x' } }).blob(); return b.size === 1 && b.type === 'text/x'; })()`,
      'reads a form': `(await new Response(new URLSearchParams('a=1')).formData()).get('a') === '1'`,
      'reads a stream': `(await new Response(streamOf(utf8('a'), utf8('b'))).text()) === 'ab'`,
      'gives a stream': `new TextDecoder().decode(await read(new Response('x').body)) === 'x'`,
      'is read once': `(async () => { const r = new Response('x'); await r.text(); return r.bodyUsed && rejects(r.text(), 'TypeError'); })()`,
      'is made of JSON': `(async () => { const r = Response.json({ a: 1 }, { status: 201 }); return r.status === 201 && r.headers.get('content-type') === 'application/json' && (await r.json()).a === 1; })()`,
      redirects: `(() => { const r = Response.redirect('https://a/', 301); return r.status === 301 && r.headers.get('location') === 'https://a/'; })()`,
      'tells of a network error': `Response.error().type === 'error' && Response.error().status === 0`,
      'is cloned': `(async () => { const r = new Response(streamOf(utf8('x'))); const c = r.clone(); return (await r.text()) === 'x' && (await c.text()) === 'x'; })()`,
      'has chunks of its own when it is cloned': `(async () => { const r = new Response(streamOf(utf8('x'))); const c = r.clone(); (await r.body.getReader().read()).value[0] = 0; return (await c.text()) === 'x'; })()`,
      'is cloned as a stream with empty chunks and an end': `(async () => { const c = new Response(streamOf(utf8(''), utf8('a'), utf8(''), utf8('b'), utf8(''))).clone(); return same((await collect(c.body)).map((chunk) => chunk.length), [1, 1]); })()`,
      'refuses chunks that are no bytes in a clone too': `(async () => { const r = new Response(streamOf('x')); const c = r.clone(); return (await rejects(r.text(), 'TypeError')) && (await rejects(c.text(), 'TypeError')); })()`,
      'ends its clone as it ends': `(async () => { const broken = new Response(new ReadableStream({ pull(c) { c.error(new RangeError('x')); } })); const c = broken.clone(); return (await rejects(broken.text(), 'RangeError')) && (await rejects(c.text(), 'RangeError')); })()`,
      'hears when both it and its clone are cancelled': `(async () => { let reasons; const r = new Response(new ReadableStream({ cancel(all) { reasons = all; } })); const c = r.clone(); await Promise.all([r.body.cancel(1), c.body.cancel(2)]); return same(reasons, [1, 2]); })()`,
    },
  },
  {
    name: 'fetch()',
    standard,
    deviation:
      'Reaches the origins that the manifest grants, through the agent; there are no cookies, no cache, no origin, no CORS.',
    checks: {
      'gives a promise': `(() => { const p = fetch('not a url'); p.catch(() => 0); return p instanceof Promise; })()`,
      'rejects what is no URL': `await rejects(fetch('not a url'), 'TypeError')`,
      'rejects an origin that is not granted': `await rejects(fetch('https://example.com/'), 'TypeError')`,
      'rejects when it is aborted': `await rejects(fetch('https://example.com/', { signal: AbortSignal.abort() }), 'AbortError')`,
    },
  },
  {
    name: 'FormData',
    standard: 'XMLHttpRequest',
    deviation: 'Takes no form element: there is no document.',
    checks: {
      'keeps values in order': `(() => { const f = new FormData(); f.append('a', '1'); f.append('b', 2); f.append('a', '3'); return same([...f], [['a', '1'], ['b', '2'], ['a', '3']]) && same(f.getAll('a'), ['1', '3']); })()`,
      'sets, has and deletes': `(() => { const f = new FormData(); f.append('a', '1'); f.append('a', '2'); f.set('a', '3'); const all = f.getAll('a'); f.delete('a'); return same(all, ['3']) && !f.has('a') && f.get('a') === null; })()`,
      'makes files of blobs': `(() => { const f = new FormData(); f.append('a', new Blob(['x']), 'n.txt'); const file = f.get('a'); return file instanceof File && file.name === 'n.txt' && file.size === 1; })()`,
      'goes to and fro as multipart': `(async () => { const f = new FormData(); f.append('a', 'ü'); f.append('f', new File(['x'], 'n.txt', { type: 'text/plain' })); const back = await new Response(f).formData(); return back.get('a') === 'ü' && back.get('f').name === 'n.txt' && (await back.get('f').text()) === 'x'; })()`,
      'needs a name and a value': `['append', 'set'].every((name) => throws(() => new FormData()[name]('a'), 'TypeError')) && ['get', 'getAll', 'has', 'delete'].every((name) => throws(() => new FormData()[name](), 'TypeError'))`,
    },
  },
  {
    name: 'Blob',
    standard: file,
    checks: {
      'joins parts': `(await new Blob(['a', bytes(98), new Blob(['c'])]).text()) === 'abc'`,
      'tells size and type': `(() => { const b = new Blob(['ü'], { type: 'Text/PLAIN' }); return b.size === 2 && b.type === 'text/plain'; })()`,
      'is sliced': `(await new Blob(['abcdef']).slice(1, -2, 'x/y').text()) === 'bcd'`,
      'gives bytes': `same([...new Uint8Array(await new Blob([bytes(1, 2)]).arrayBuffer())], [1, 2]) && same([...(await new Blob([bytes(3)]).bytes())], [3])`,
      'gives a stream': `same([...(await read(new Blob([bytes(1, 2)]).stream()))], [1, 2])`,
    },
  },
  {
    name: 'File',
    standard: file,
    checks: {
      'is a blob with a name': `(() => { const f = new File(['x'], 'n.txt', { type: 'text/plain', lastModified: 5 }); return f instanceof Blob && f.name === 'n.txt' && f.lastModified === 5 && f.type === 'text/plain'; })()`,
      'needs a name': `throws(() => new File(['x']), 'TypeError')`,
    },
  },
];
