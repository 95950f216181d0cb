import { describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { globSync, readFileSync } from 'node:fs';
import { isIPv4, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { parse } from 'yaml';
import { formatProblems, machineJsonSchema, parseManifest } from '../../manifests/index.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const checkedIn = JSON.parse(read('manifests/machine.schema.json')) as Record<string, unknown>;

/** `uri` is for editors; the parser checks addresses itself. */
const formats = { uri: true, ipv4: isIPv4, ipv6: isIPv6 } as const;
const validate = new Ajv2020({ allErrors: true, formats }).compile(checkedIn);

const head = { apiVersion: 'holdfast/v1', kind: 'Machine', metadata: { name: 'm' } };
const withFunction = (spec: object) => ({ ...head, functions: { f: { bundle: 'a/b:1', ...spec } } });

/** The whole language at least once. */
const whole = `
apiVersion: holdfast/v1
kind: Machine
metadata: { name: greenhouse-7, labels: { site: north } }
control: { url: "https://cloud.example.com", ca: "sha256:${'0'.repeat(64)}", recovery: hfr1.abc }
vault: { repository: "rest:https://cloud.example.com/vault/greenhouse-7", owner: hfo1.abc, login: vault-login, throttle: 2MiB/s, onBattery: pause, onMetered: pause }
apps:
  dashboard:
    image: registry.example.com/acme/dashboard@sha256:${'1'.repeat(64)}
    run: { command: [node, server.mjs], env: { PORT: "8080" }, restart: always }
    volumes: { /data: dashboard-data }
    health: { http: "http://127.0.0.1:8080/healthz", every: 10s, grace: 30s }
    isolation: container
    after: [ripgrep]
  ripgrep: { image: registry.example.com/rg:14, exports: [bin/rg], health: { exec: [rg, --version] } }
  handbook: { image: registry.example.com/hb:1, site: { route: /handbook }, health: { tcp: "localhost:80" } }
functions:
  to-celsius:
    bundle: registry.example.com/acme/to-celsius:2
    on:
      - mqtt: sensors/+/temperature
      - { cron: "*/5 * * * *", timezone: Europe/Berlin }
      - http: /api/readings
      - queue: jobs
      - { stream: telemetry, from: oldest }
    bindings:
      OUT: { publish: site/temperature }
      CACHE: { kv: readings }
      API: { fetch: ["https://api.weather.gov"] }
      KEY: { secret: weather-key }
      JOBS: { queue: jobs }
      SELF: { invoke: to-celsius }
      SHADOW: { shadow: climate }
    limits: { memory: 32MiB, cpu: 50ms, timeout: 5s, concurrency: 4, queue: 1000 }
    budget: { invocations: 100000/day, egress: 10MiB/day, onExceeded: pause }
volumes:
  dashboard-data: { snapshot: "*/15 * * * *", exclude: ["*.tmp", /cache/], keep: { within: 30d, hourly: 24 } }
streams:
  telemetry:
    topics: [site/#]
    keep: { bytes: 1GiB, age: 7d }
    relay: { priority: 1, budget: 50MiB/day, ttl: 3d, rate: 100KiB/s }
    consumers: [reports]
  latest: { topics: [site/+/door], compact: { key: /id, after: 1h } }
clients:
  sensor: { password: "$scrypt$ln=14,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}", publish: [sensors/#] }
  panel: { certificate: "sha256:${'2'.repeat(64)}", subscribe: [site/#], session: { expiry: 1h, messages: 100, bytes: 1MiB } }
listeners:
  lan: { protocol: mqtts, host: "::", port: 8883, tls: { certificate: lan-chain, key: lan-key } }
  browsers: { protocol: ws, host: 192.0.2.7, port: 8083 }
bridges:
  plant:
    url: mqtts://broker.example.com:8883
    tls: { ca: plant-ca }
    out: [{ stream: telemetry, strip: site/, topic: "plants/{device}/{topic}", qos: 2, ttl: 1h }]
    in: [{ topics: [commands/#], topic: "from-plant/{topic}" }]
observability: { level: debug, metrics: 10s, relay: { enabled: false }, prometheus: { port: 9464 } }
`;

describe('the JSON Schema of a machine file', () => {
  test('is the one checked in; if not, run: npm run generate', () => {
    expect(checkedIn).toEqual(machineJsonSchema());
  });

  test.each([...globSync('examples/**/*.yaml', { cwd: root }).sort()])(
    'accepts %s, as the parser does',
    (path) => {
      const text = read(path);
      const result = parseManifest(text);
      expect(result.ok ? '' : formatProblems(result.problems, path)).toBe('');
      expect(validate(parse(text)) ? [] : validate.errors).toEqual([]);
    },
  );

  test('accepts every part of the language, as the parser does', () => {
    const result = parseManifest(whole);
    expect(result.ok ? '' : formatProblems(result.problems, 'whole')).toBe('');
    expect(validate(parse(whole)) ? [] : validate.errors).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['an unknown key', { ...head, aps: {} }],
    ['another version', { ...head, apiVersion: 'holdfast/v2' }],
    ['no name', { ...head, metadata: {} }],
    ['a bad name', { ...head, metadata: { name: 'A B' } }],
    ['the key of two triggers', withFunction({ on: [{ mqtt: 'a', http: '/b' }] })],
    ['a topic filter with # inside', withFunction({ on: [{ mqtt: 'a/#/b' }] })],
    ['a number where a quantity belongs', withFunction({ limits: { memory: 32 } })],
    ['an unknown unit', withFunction({ limits: { memory: '32M' } })],
    ['a binding in lower case', withFunction({ bindings: { out: { kv: 'a' } } })],
    ['a plain password', { ...head, clients: { c: { password: 'hunter2' } } }],
    ['an image with spaces', { ...head, apps: { a: { image: 'a b' } } }],
    [
      'a host name where a listener binds',
      { ...head, listeners: { l: { protocol: 'mqtt', host: 'a.b', port: 1 } } },
    ],
    ['a path with ..', { ...head, apps: { a: { image: 'a/b', exports: ['../x'] } } }],
  ])('refuses %s, as the parser does', (_what, document) => {
    expect(validate(document)).toBe(false);
    expect(parseManifest(JSON.stringify(document)).ok).toBe(false);
  });
});
