import type { Api } from '../api.ts';

const standard = 'URL';
const href = (input: string, expected: string) =>
  `new URL(${JSON.stringify(input)}).href === ${JSON.stringify(expected)}`;
const against = (input: string, base: string, expected: string) =>
  `new URL(${JSON.stringify(input)}, ${JSON.stringify(base)}).href === ${JSON.stringify(expected)}`;
const set = (start: string, property: string, value: string, expected: string) =>
  `(() => { const u = new URL(${JSON.stringify(start)}); u.${property} = ${JSON.stringify(value)}; return u.href === ${JSON.stringify(expected)}; })()`;
const query = (init: string, expected: string) =>
  `new URLSearchParams(${init}).toString() === ${JSON.stringify(expected)}`;

export const url: readonly Api[] = [
  {
    name: 'URL',
    standard,
    deviation: 'Parsed by the host process; an address has at most 262,144 characters.',
    checks: {
      'tells its components': `(() => { const u = new URL('https://user:pass@example.com:8080/a/b?c=d#e'); return same([u.protocol, u.username, u.password, u.host, u.hostname, u.port, u.pathname, u.search, u.hash, u.origin], ['https:', 'user', 'pass', 'example.com:8080', 'example.com', '8080', '/a/b', '?c=d', '#e', 'https://example.com:8080']); })()`,
      'adds a path': href('http://example.com', 'http://example.com/'),
      'lowers scheme and host': href('HTTP://EXAMPLE.com/A', 'http://example.com/A'),
      'drops the default port': href('https://example.com:443/', 'https://example.com/'),
      'resolves dots': href('http://a/b/./c/../d', 'http://a/b/d'),
      escapes: href('http://a/ü b?ü#ü', 'http://a/%C3%BC%20b?%C3%BC#%C3%BC'),
      'strips white space and line breaks': href('  http://a/\n b ', 'http://a/%20b'),
      'knows names beyond ASCII': href('http://münchen.de/', 'http://xn--mnchen-3ya.de/'),
      'knows IPv4 in odd forms': href('http://0x7f.1/', 'http://127.0.0.1/'),
      'knows IPv6': href('http://[2001:DB8:0:0::1]/', 'http://[2001:db8::1]/'),
      'takes backslashes as slashes': href('http:\\\\a\\b', 'http://a/b'),
      'keeps opaque paths': href('mailto:me@example.com', 'mailto:me@example.com'),
      'resolves against a base': against('../c?d', 'http://a/b/x/y', 'http://a/b/c?d'),
      'resolves a host against a base': against('//b/c', 'https://a/', 'https://b/c'),
      'resolves a query against a base': against('?q', 'http://a/b?c#d', 'http://a/b?q'),
      'takes a URL as base': `new URL('b', new URL('http://a/')).href === 'http://a/b'`,
      'refuses nonsense': `['', 'a', 'http://', 'http://a b/', 'http://[1/', 'http://a:99999/'].every((text) => throws(() => new URL(text), 'TypeError'))`,
      'has a null origin without a host': `new URL('data:,x').origin === 'null'`,
      'sets protocol': set('http://a/', 'protocol', 'https', 'https://a/'),
      'sets host': set('http://a/', 'host', 'b:81', 'http://b:81/'),
      'sets hostname': set('http://a:81/', 'hostname', 'b', 'http://b:81/'),
      'sets port': set('http://a/', 'port', '8080', 'http://a:8080/'),
      'clears the port': set('http://a:81/', 'port', '', 'http://a/'),
      'sets pathname': set('http://a/b', 'pathname', 'c d', 'http://a/c%20d'),
      'sets search': set('http://a/', 'search', 'x=1', 'http://a/?x=1'),
      'clears search': set('http://a/?x', 'search', '', 'http://a/'),
      'sets hash': set('http://a/', 'hash', 'h', 'http://a/#h'),
      'sets username and password': `(() => { const u = new URL('http://a/'); u.username = 'u:'; u.password = 'p@'; return u.href === 'http://u%3A:p%40@a/'; })()`,
      'sets href': set('http://a/', 'href', 'ftp://b/c', 'ftp://b/c'),
      'refuses a wrong href': `throws(() => { new URL('http://a/').href = 'x'; }, 'TypeError')`,
      'ignores a wrong port': set('http://a/', 'port', 'x', 'http://a/'),
      'tells whether it can parse': `URL.canParse('http://a') && !URL.canParse('a') && URL.canParse('a', 'http://b')`,
      'parses without throwing': `URL.parse('a') === null && throws(() => URL.parse(), 'TypeError') && URL.parse('a', 'http://b').href === 'http://b/a'`,
      'follows its searchParams': `(() => { const u = new URL('http://a/?x=1'); u.searchParams.append('y', 'ü &'); return u.href === 'http://a/?x=1&y=%C3%BC+%26'; })()`,
      'empties its query by searchParams': `(() => { const u = new URL('http://a/?x=1'); u.searchParams.delete('x'); return u.href === 'http://a/'; })()`,
      'changes its searchParams': `(() => { const u = new URL('http://a/?x=1'); const p = u.searchParams; u.search = '?y=2'; return p === u.searchParams && p.get('y') === '2' && !p.has('x'); })()`,
      'shows as its href': `String(new URL('http://a')) === 'http://a/' && JSON.stringify(new URL('http://a')) === '"http://a/"'`,
      'has enumerable accessors': `Object.keys(URL.prototype).includes('href') && Object.prototype.toString.call(new URL('http://a')) === '[object URL]'`,
      'refuses an address that is too long': `throws(() => new URL('http://a/' + 'x'.repeat(300000)), 'TypeError')`,
    },
  },
  {
    name: 'URLSearchParams',
    standard,
    checks: {
      'parses text': `same([...new URLSearchParams('?a=1&b=2&a=3&c')], [['a', '1'], ['b', '2'], ['a', '3'], ['c', '']])`,
      'takes pairs': query(`[['a', '1'], ['b', 'x y']]`, 'a=1&b=x+y'),
      'takes a record': query(`{ a: 1, b: 'ü' }`, 'a=1&b=%C3%BC'),
      'takes another': query(`new URLSearchParams('a=1')`, 'a=1'),
      'refuses pairs that are none': `throws(() => new URLSearchParams([['a']]), 'TypeError') && throws(() => new URLSearchParams(['ab']), 'TypeError')`,
      'escapes as forms do': query(`{ a: "!'()*-._~ +" }`, 'a=%21%27%28%29*-._%7E+%2B'),
      'unescapes plus and percent': `new URLSearchParams('a=b+c%20d%2B').get('a') === 'b c d+'`,
      'keeps what is not an escape': `new URLSearchParams('a=100%&b=%zz&c=%e4').get('a') === '100%' && new URLSearchParams('b=%zz').get('b') === '%zz' && new URLSearchParams('c=%e4').get('c') === '\\uFFFD'`,
      'replaces lone surrogates': query(`{ a: '\\uD800' }`, 'a=%EF%BF%BD'),
      'gets, all and none': `(() => { const p = new URLSearchParams('a=1&a=2'); return p.get('a') === '1' && same(p.getAll('a'), ['1', '2']) && p.get('b') === null && same(p.getAll('b'), []); })()`,
      'has, by value too': `(() => { const p = new URLSearchParams('a=1'); return p.has('a') && p.has('a', '1') && !p.has('a', '2') && !p.has('b'); })()`,
      'deletes, by value too': `(() => { const p = new URLSearchParams('a=1&a=2&b=3'); p.delete('a', '1'); const one = p.toString(); p.delete('a'); return one === 'a=2&b=3' && p.toString() === 'b=3'; })()`,
      'sets in the first place': `(() => { const p = new URLSearchParams('a=1&b=2&a=3'); p.set('a', 9); p.set('c', 4); return p.toString() === 'a=9&b=2&c=4'; })()`,
      'sorts by name, stably': `(() => { const p = new URLSearchParams('b=1&a=2&b=0&a=1'); p.sort(); return p.toString() === 'a=2&a=1&b=1&b=0'; })()`,
      iterates: `(() => { const p = new URLSearchParams('a=1&b=2'); return same([...p.keys()], ['a', 'b']) && same([...p.values()], ['1', '2']) && same([...p.entries()], [['a', '1'], ['b', '2']]); })()`,
      'visits each': `(() => { const seen = []; new URLSearchParams('a=1&b=2').forEach((value, key, all) => seen.push(key + value + (all instanceof URLSearchParams))); return same(seen, ['a1true', 'b2true']); })()`,
      'iterates over what is there now': `(() => { const p = new URLSearchParams('a=1&b=2'); const it = p[Symbol.iterator](); it.next(); p.delete('b'); return it.next().done; })()`,
      'has iterators by name': `Object.prototype.toString.call(new URLSearchParams().keys()) === '[object URLSearchParams Iterator]' && URLSearchParams.prototype.entries === URLSearchParams.prototype[Symbol.iterator]`,
      'tells its size': `new URLSearchParams('a&b&a').size === 3`,
    },
  },
  {
    name: 'URLPattern',
    standard: 'URL Pattern',
    deviation: 'By urlpattern-polyfill.',
    checks: {
      'matches named groups': `new URLPattern({ pathname: '/books/:id' }).exec('https://example.com/books/12').pathname.groups.id === '12'`,
      tests: `new URLPattern('/a/*', 'https://example.com').test('https://example.com/a/b') && !new URLPattern('/a/*', 'https://example.com').test('https://example.com/b')`,
      'matches host names': `new URLPattern({ hostname: '*.example.com' }).test('http://x.example.com/') && !new URLPattern({ hostname: '*.example.com' }).test('http://example.com/')`,
      'takes optional parts': `['/a', '/a/b'].every((path) => new URLPattern({ pathname: '/a{/:x}?' }).test({ pathname: path }))`,
      'takes regular expressions': `new URLPattern({ pathname: '/(\\\\d+)' }).test({ pathname: '/12' }) && !new URLPattern({ pathname: '/(\\\\d+)' }).test({ pathname: '/x' })`,
      'ignores case when asked to': `new URLPattern({ pathname: '/A' }, { ignoreCase: true }).test({ pathname: '/a' })`,
      'tells its parts': `(() => { const p = new URLPattern({ protocol: 'https', pathname: '/x' }); return p.protocol === 'https' && p.pathname === '/x' && p.hostname === '*'; })()`,
    },
  },
];
