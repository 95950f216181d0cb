import { expect, test } from '@jest/globals';
import { parseManifest } from './index.ts';

const machine = (registries: string) =>
  `apiVersion: holdfast/v1\nkind: Machine\nmetadata: { name: m }\nregistries:\n${registries}\n`;
const problemsOf = (registries: string) => {
  const result = parseManifest(machine(registries));
  return result.ok ? [] : result.problems.map(({ message }) => message);
};

test('a registry has a login, mirrors and its own trust', () => {
  const parsed = parseManifest(
    machine(`  registry.example.com: { login: hub, mirrors: [mirror.lan:5000], tls: { ca: hub-ca } }
  127.0.0.1:5000: { insecure: true }`),
  );
  expect(parsed.ok && parsed.machine.registries).toEqual({
    'registry.example.com': {
      login: 'hub',
      mirrors: ['mirror.lan:5000'],
      tls: { ca: 'hub-ca' },
      insecure: false,
    },
    '127.0.0.1:5000': { mirrors: [], tls: {}, insecure: true },
  });
});

test.each(['localhost', 'localhost:5000', '127.0.0.1:5000', '"[::1]:5000"'])(
  '%s may go without TLS',
  (host) => {
    expect(problemsOf(`  ${host}: { insecure: true }`)).toEqual([]);
  },
);

test.each(['registry.example.com', 'localhost.example.com', '127.0.0.1.example.com:5000', '10.0.0.1:5000'])(
  '%s may not go without TLS',
  (host) => {
    expect(problemsOf(`  ${host}: { insecure: true }`)).toEqual([
      expect.stringContaining('is only for a registry on this machine'),
    ]);
  },
);

test('a mirror is another registry, and named once', () => {
  expect(problemsOf('  a.example: { mirrors: [a.example, b.example, b.example] }')).toEqual([
    expect.stringContaining('"a.example", the registry itself'),
    expect.stringContaining('"b.example", named before'),
  ]);
});

test.each(['acme/web', 'registry.example.com/acme', 'https://registry.example.com', 'example'])(
  '%s is no registry',
  (host) => {
    expect(problemsOf(`  ${JSON.stringify(host)}: {}`)).toHaveLength(1);
  },
);
