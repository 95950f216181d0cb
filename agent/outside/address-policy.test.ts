import { expect, test } from '@jest/globals';
import { mayReach } from './address-policy.ts';

test.each([
  ['loopback', '127.0.0.1'],
  ['loopback far from its start', '127.255.255.254'],
  ['this network', '0.0.0.0'],
  ['this network too', '0.1.2.3'],
  ['private 10/8', '10.0.0.1'],
  ['private 172.16/12', '172.31.255.255'],
  ['private 192.168/16', '192.168.1.20'],
  ['carrier-grade NAT', '100.64.0.1'],
  ['link-local', '169.254.1.1'],
  ['the metadata service', '169.254.169.254'],
  ['IETF assignments', '192.0.0.8'],
  ['benchmarking', '198.18.0.1'],
  ['documentation', '203.0.113.1'],
  ['6to4 relays', '192.88.99.1'],
  ['multicast', '224.0.0.251'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['IPv6 loopback', '::1'],
  ['IPv6 unspecified', '::'],
  ['IPv6 link-local', 'fe80::1'],
  ['IPv6 link-local with a zone', 'fe80::1%eth0'],
  ['unique local', 'fd12:3456::1'],
  ['site local', 'fec0::1'],
  ['IPv6 multicast', 'ff02::fb'],
  ['mapped loopback', '::ffff:127.0.0.1'],
  ['mapped public', '::ffff:8.8.8.8'],
  ['compatible private', '::10.0.0.1'],
  ['translated private', '::ffff:0:10.0.0.1'],
  ['NAT64 private', '64:ff9b::10.0.0.1'],
  ['NAT64 metadata', '64:ff9b::a9fe:a9fe'],
  ['local NAT64', '64:ff9b:1::808:808'],
  ['6to4 private', '2002:a00:1::1'],
  ['Teredo', '2001:0:4136:e378::1'],
  ['IPv6 documentation', '2001:db8::1'],
  ['discard', '100::1'],
  ['what is not allocated', '4000::1'],
  ['no address', 'localhost'],
  ['nothing', ''],
])('%s (%s) is not reached by a name', (_, address) => {
  expect(mayReach('api.example.com', address)).toBe(false);
});

test.each(['8.8.8.8', '93.184.215.14', '2606:2800:21f:cb07::1', '64:ff9b::8.8.8.8'])(
  'the public address %s is',
  (address) => {
    expect(mayReach('api.example.com', address)).toBe(true);
  },
);

test('localhost is this machine and nothing else', () => {
  expect(['127.0.0.1', '127.0.0.2', '::1'].map((address) => mayReach('localhost', address))).toEqual([
    true,
    true,
    true,
  ]);
  expect(mayReach('app.localhost', '127.0.0.1')).toBe(true);
  expect(['8.8.8.8', '192.168.1.1', 'fe80::1'].some((address) => mayReach('localhost', address))).toBe(false);
  expect(mayReach('localhost.example.com', '127.0.0.1')).toBe(false);
  expect(mayReach('notlocalhost', '127.0.0.1')).toBe(false);
});
