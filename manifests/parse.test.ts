import { describe, expect, test } from '@jest/globals';
import { formatProblems, parseManifest } from './parse.ts';

const head = 'apiVersion: holdfast/v1\nkind: Machine\nmetadata: { name: m }\n';

/** The problems of a text, as lines `line:column: message`. */
function problemsOf(text: string): string[] {
  const result = parseManifest(text);
  if (result.ok) return [];
  return formatProblems(result.problems, 'f')
    .split('\n')
    .map((line) => line.slice('f:'.length));
}

/** The problems of one function whose body is `body` in flow style, from column 16 of line 5. */
const ofFunction = (body: string) => problemsOf(`${head}functions:\n  f: { bundle: a/b, ${body} }\n`);

describe('a machine file', () => {
  test('becomes a machine with defaults and numbers, and stays a document as written', () => {
    const result = parseManifest(`${head}functions:\n  f: { bundle: a/b:1, limits: { memory: 64MiB } }\n`);
    if (!result.ok) throw new Error(formatProblems(result.problems, 'f'));
    expect(result.machine.functions.f).toMatchObject({
      bundle: 'a/b:1',
      on: [],
      limits: { memory: 64 * 2 ** 20, cpu: 50, timeout: 5000, concurrency: 1, queue: 1000 },
    });
    expect(result.document.functions).toEqual({ f: { bundle: 'a/b:1', limits: { memory: '64MiB' } } });
  });

  test('tells where each of its values stands', () => {
    const result = parseManifest(`${head}functions:\n  f:\n    bundle: a/b:1\n`);
    if (!result.ok) throw new Error('not read');
    expect(result.locate(['functions', 'f', 'bundle'])).toEqual({ line: 6, column: 13 });
    expect(result.locate(['functions', 'f', 'nowhere'])).toEqual({ line: 5, column: 3 });
  });

  test('may be JSON', () => {
    const text = '{"apiVersion":"holdfast/v1","kind":"Machine","metadata":{"name":"m"}}';
    expect(parseManifest(text).ok).toBe(true);
  });

  test('may use aliases, and a fault in what they name is told where it stands, for each use', () => {
    const text = (memory: string) =>
      `${head}functions:\n  a: { bundle: a/b, limits: &small { memory: ${memory} } }\n  b: { bundle: a/b, limits: *small }\n`;
    expect(problemsOf(text('16MiB'))).toEqual([]);
    expect(problemsOf(text('lots'))).toHaveLength(2);
    expect(problemsOf(text('lots')).map((line) => line.split(': ')[0])).toEqual(['5:46', '5:46']);
  });

  test('with many faults gets all of them in the order of the text', () => {
    const text = [
      'apiVersion: holdfast/v2',
      'kind: Machine',
      'metadata: { name: Green_House }',
      'functions:',
      '  f:',
      '    bundel: a/b',
      'volumes:',
      '  data: { snapshot: daily }',
    ].join('\n');
    expect(problemsOf(text)).toEqual([
      '1:13: apiVersion must be holdfast/v1; found "holdfast/v2". Did you mean "holdfast/v1"?',
      '3:19: metadata.name must be a name: lower-case letters, digits and inner hyphens, at most 63 characters; found "Green_House".',
      '5:3: functions.f lacks the key "bundle".',
      '6:5: functions.f has no key "bundel". Did you mean "bundle"?',
      '8:21: volumes.data.snapshot must be a cron expression: five fields (or six, seconds first), such as "*/5 * * * *"; found "daily".',
    ]);
  });

  test('that is not YAML is told where it breaks', () => {
    expect(problemsOf('kind: Machine\n\t- x')).toEqual([
      '2:1: Not valid YAML: Tabs are not allowed as indentation.',
    ]);
  });

  test('with a key twice is told at the second', () => {
    expect(problemsOf(`${head}kind: Machine\n`)).toEqual(['4:1: "kind" stands here a second time.']);
  });

  test('with columns after a line break of two characters counts them rightly', () => {
    expect(problemsOf(`${head}nope: 1`.replaceAll('\n', '\r\n'))).toEqual([
      expect.stringMatching(/^4:1: The file has no key "nope"/),
    ]);
  });

  test('never shows a plain password where a hash belongs', () => {
    const problems = problemsOf(`${head}clients:\n  c: { password: hunter2 }\n`);
    expect(problems).toHaveLength(1);
    expect(problems.join()).not.toContain('hunter2');
  });

  test('gets at most a hundred problems', () => {
    const keys = Array.from({ length: 500 }, (_, index) => `k${index}: 1`).join('\n');
    expect(problemsOf(`${head}${keys}`)).toHaveLength(100);
  });
});

describe('a union of shapes', () => {
  test('is explained by the shape that was meant', () => {
    expect(ofFunction('on: [{ cron: "61 * * * *", timezon: UTC }]')).toEqual([
      '5:34: functions.f.on[0].cron must be a cron expression with fields in range that can come true; found "61 * * * *".',
      '5:48: functions.f.on[0] has no key "timezon". Did you mean "timezone"?',
    ]);
  });

  test('with the keys of two shapes says that they exclude each other', () => {
    expect(ofFunction('on: [{ mqtt: a, http: /b }]')).toEqual([
      '5:26: functions.f.on[0] has "mqtt" and "http", which exclude each other: write an entry for each.',
    ]);
  });

  test('with the key of none lists the keys and the nearest', () => {
    expect(ofFunction('bindings: { OUT: { publsh: a } }')).toEqual([
      '5:38: functions.f.bindings.OUT must have one of the keys publish, kv, fetch, secret, queue, invoke or shadow; found "publsh". Did you mean "publish"?',
    ]);
  });

  test('where something else than a section stands says so', () => {
    expect(ofFunction('on: [12]')).toEqual(['5:26: functions.f.on[0] must be a section of keys; found 12.']);
  });
});

describe('a value', () => {
  test.each([
    [
      'limits: { memory: 32M }',
      'a whole number and a unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB), such as 32MiB',
    ],
    ['limits: { memory: 1B }', 'between 8MiB and 4GiB'],
    ['limits: { timeout: 2h }', 'between 1ms and 1h'],
    [
      'limits: { memory: 32 }',
      'a whole number and a unit (B, KiB, MiB, GiB, TiB, kB, MB, GB, TB), such as 32MiB; found 32.',
    ],
    ['limits: { timeout: 5 }', 'a whole number and a unit (ms, s, m, h, d, w), such as 5s; found 5.'],
    ['on: [{ mqtt: 5 }]', 'a text; found 5: put it into quotes'],
    ['limits: { concurrency: 1.5 }', 'a whole number; found 1.5'],
    ['limits: { concurrency: 0 }', 'at least 1; found 0'],
    ['budget: ', 'a section of keys; found nothing'],
    ['budget: { onExceeded: pawse }', 'pause or drop; found "pawse". Did you mean "pause"?'],
    ['on: [{ mqtt: a/#/b }]', 'an MQTT topic filter'],
    ['on: [{ mqtt: $SYS/x }]', 'an MQTT topic filter'],
    [`on: [{ mqtt: ${'a/'.repeat(32)} }]`, 'a topic filter of at most 32 levels'],
    ['on: [{ cron: "0-99999999 * * * *" }]', 'a cron expression'],
    ['on: [{ cron: "0 0 31 2 *" }]', 'a cron expression with fields in range that can come true'],
    ['on: [{ cron: "* * * * *", timezone: Europe/Nowhere }]', 'an IANA time zone'],
    ['bindings: { API: { fetch: [ftp://x] } }', 'an http:// or https:// address; found "ftp://x"'],
    ['bindings: { API: { fetch: [https://a.example/v1] } }', 'an origin such as https://api.example.com'],
    ['bindings: { API: { fetch: [https://me:pw@a.example] } }', 'an origin such as https://api.example.com'],
    ['bindings: { API: { fetch: [] } }', 'at least 1 entry long; found an empty list'],
  ])('%s is refused with what is expected', (body, expected) => {
    const problems = ofFunction(body);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`must be ${expected}`);
  });

  test.each(['@daily', '* * * *', '* * * * * * *', '* * * * 8', 'a b c d e', ''])(
    '"%s" is no cron expression',
    (cron) => {
      expect(ofFunction(`on: [{ cron: "${cron}" }]`)).toHaveLength(1);
    },
  );

  test.each(['*/5 * * * *', '0  3 * * mon-fri', '30 0 0 1 jan *', '0 0 L * *'])(
    '"%s" is a cron expression',
    (cron) => {
      expect(ofFunction(`on: [{ cron: "${cron}" }]`)).toEqual([]);
    },
  );

  test.each(['constructor', 'Upper', 'a_b', '-a', 'a-', 'a'.repeat(64)])(
    '%s is no name of a function',
    (name) => {
      expect(problemsOf(`${head}functions:\n  ${name}: { bundle: a/b }\n`)).toHaveLength(1);
    },
  );
});

describe('a name that refers to another part', () => {
  test('of a volume, an app, a function or a queue must be declared', () => {
    const text = `${head}apps:
  web: { image: a/b, volumes: { /data: dat }, after: [wob, db] }
  db: { image: a/b }
volumes: { data: {} }
functions:
  f: { bundle: a/b, on: [{ queue: jobs }], bindings: { A: { invoke: g }, B: { queue: job }, C: { queue: jobs } } }
`;
    expect(problemsOf(text)).toEqual([
      '5:40: apps.web.volumes["/data"] names "dat", but there is no such volume under volumes. Did you mean "data"?',
      '5:55: apps.web.after[0] names "wob", but there is no such app under apps. Did you mean "web"?',
      '9:69: functions.f.bindings.A.invoke names "g", but there is no such function under functions.',
      '9:86: functions.f.bindings.B.queue names "job", but there is no such function triggered by that queue. Did you mean "jobs"?',
    ]);
  });

  test('is not looked for among what every object inherits', () => {
    expect(ofFunction('bindings: { A: { invoke: constructor } }').join()).toContain('must be a name');
    expect(problemsOf(`${head}apps: { a: { image: a/b, volumes: { /d: tostring } } }`)).toHaveLength(1);
  });

  test('cannot make apps wait for themselves', () => {
    const text = `${head}apps:\n  a: { image: a/b, after: [b] }\n  b: { image: a/b, after: [a] }\n  c: { image: a/b, after: [a] }\n`;
    expect(problemsOf(text)).toEqual([
      '5:27: apps.a.after makes "a" wait for itself.',
      '6:27: apps.b.after makes "b" wait for itself.',
    ]);
  });

  test('cannot take what is below a site, nor two sites one route', () => {
    const text = `${head}apps:
  a: { image: a/b, site: { route: /x } }
  b: { image: a/b, site: { route: /x/ } }
functions: { f: { bundle: a/b, on: [{ http: "/x/*" }, { http: /x/deeper }] } }
`;
    expect(problemsOf(text)).toEqual([
      '6:35: apps.b.site.route is "/x", which is taken by apps.a.site.route.',
      '7:45: functions.f.on[0].http is "/x/*", which is taken by apps.a.site.route.',
    ]);
  });

  test('cannot export a program of a name that another exports', () => {
    const text = `${head}apps:\n  a: { image: a/b, exports: [bin/rg] }\n  b: { image: a/b, exports: [bin/fd, usr/bin/rg] }\n`;
    expect(problemsOf(text)).toEqual([
      '6:38: apps.b.exports[1] is "rg", which is taken by apps.a.exports[0].',
    ]);
  });

  test('cannot take a route that another has', () => {
    const text = `${head}apps: { a: { image: a/b, site: { route: /x } } }\nfunctions: { f: { bundle: a/b, on: [{ http: /x }] } }\n`;
    expect(problemsOf(text)).toEqual([
      '5:45: functions.f.on[0].http is "/x", which is taken by apps.a.site.route.',
    ]);
  });
});
