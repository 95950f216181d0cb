import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { digestOf } from '../../lib/digest.ts';
import {
  CertificateAuthority,
  createCsr,
  createDeviceKey,
  fetchPinnedCa,
  parseDeviceCertificate,
} from '../../cloud-sync/trust/index.ts';
import { peerTest } from '../support/peers.ts';

const run = promisify(execFile);
const signal = new AbortController().signal;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-trust-'));
});
afterEach(() => rm(folder, { recursive: true }));

const issueDevice = async (ca: CertificateAuthority, device = 'greenhouse-7') => {
  const csr = await createCsr(createDeviceKey().privateKeyPem, 'another-name');
  return ca.issueDevice({ csr, tenant: 'default', device });
};

describe('certificate authority', () => {
  test('is made once, its key readable by its owner only, and is the same after a restart', async () => {
    const first = await CertificateAuthority.open({ folder });
    const second = await CertificateAuthority.open({ folder });
    expect(second.caPem).toBe(first.caPem);
    expect(second.caPin).toBe(first.caPin);
    expect(first.caPin).toBe(digestOf(new X509Certificate(first.caPem).raw));
    expect((await stat(join(folder, 'ca-key.pem'))).mode & 0o777).toBe(0o600);
  });

  test('finishes a first start that was interrupted between key and certificate', async () => {
    await CertificateAuthority.open({ folder });
    await rm(join(folder, 'ca.pem'));
    const ca = await CertificateAuthority.open({ folder });
    expect((await issueDevice(ca)).serial).toMatch(/^[0-9a-f]{32}$/);
  });

  test('never replaces a lost or foreign key: enrolled devices would be locked out', async () => {
    const refused = expect.objectContaining({ code: 'badState' });
    await CertificateAuthority.open({ folder });
    await writeFile(join(folder, 'ca-key.pem'), createDeviceKey().privateKeyPem);
    await expect(CertificateAuthority.open({ folder })).rejects.toEqual(refused);
    await writeFile(join(folder, 'ca-key.pem'), 'broken');
    await expect(CertificateAuthority.open({ folder })).rejects.toEqual(refused);
    await rm(join(folder, 'ca-key.pem'));
    await expect(CertificateAuthority.open({ folder })).rejects.toEqual(refused);
  });

  test('reports a broken certificate file', async () => {
    await CertificateAuthority.open({ folder });
    await writeFile(join(folder, 'ca.pem'), 'broken');
    await expect(CertificateAuthority.open({ folder })).rejects.toEqual(
      expect.objectContaining({ code: 'badState' }),
    );
  });

  test('names a device as the control plane decides, whatever its request said', async () => {
    const ca = await CertificateAuthority.open({ folder });
    const issued = await issueDevice(ca);
    const certificate = new X509Certificate(issued.certificatePem);

    expect(certificate.subject.split('\n').sort()).toEqual(['CN=greenhouse-7', 'O=default']);
    expect(certificate.checkIssued(new X509Certificate(ca.caPem))).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(parseDeviceCertificate(issued.certificatePem)).toEqual({
      tenant: 'default',
      device: 'greenhouse-7',
      serial: issued.serial,
      notAfter: new Date(Math.floor(issued.notAfter.getTime() / 1000) * 1000),
    });
    expect(parseDeviceCertificate(certificate.raw).serial).toBe(issued.serial);
  });

  test('gives servers certificates that name no device', async () => {
    const ca = await CertificateAuthority.open({ folder });
    const { certificatePem } = await ca.issueServer({ hosts: ['localhost', '127.0.0.1', '::1'] });
    expect(() => parseDeviceCertificate(certificatePem)).toThrow(
      expect.objectContaining({ code: 'badCertificate' }),
    );
  });

  peerTest(['openssl'], 'makes chains that openssl verifies, each for its one purpose [G10]', async () => {
    const ca = await CertificateAuthority.open({ folder });
    const device = await issueDevice(ca);
    const server = await ca.issueServer({ hosts: ['localhost', '127.0.0.1'] });
    await writeFile(join(folder, 'device.pem'), device.certificatePem);
    await writeFile(join(folder, 'server.pem'), server.certificatePem);
    const verify = (purpose: string, file: string, ...more: string[]) =>
      run('openssl', ['verify', '-x509_strict', '-CAfile', 'ca.pem', '-purpose', purpose, ...more, file], {
        cwd: folder,
      });

    await verify('sslclient', 'device.pem');
    await verify('sslserver', 'server.pem', '-verify_hostname', 'localhost');
    await verify('sslserver', 'server.pem', '-verify_ip', '127.0.0.1');
    await expect(verify('sslserver', 'device.pem')).rejects.toThrow();
    await expect(verify('sslclient', 'server.pem')).rejects.toThrow();

    const csr = await createCsr(createDeviceKey().privateKeyPem, 'greenhouse-7');
    await writeFile(join(folder, 'csr.pem'), csr);
    const { stderr, stdout } = await run(
      'openssl',
      ['req', '-verify', '-noout', '-subject', '-in', 'csr.pem'],
      {
        cwd: folder,
      },
    );
    expect(stdout + stderr).toMatch(/verify OK/);
    expect(stdout).toMatch(/CN = greenhouse-7/);
  });
});

describe('first contact', () => {
  async function serve(body: (ca: CertificateAuthority) => string, hosts = ['127.0.0.1']) {
    const ca = await CertificateAuthority.open({ folder });
    const { certificatePem, privateKeyPem } = await ca.issueServer({ hosts });
    const server = createServer({ cert: certificatePem, key: privateKeyPem }, (_, response) => {
      response.end(body(ca));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { ca, url, [Symbol.asyncDispose]: () => close(server) };
  }
  const info = (ca: string) => JSON.stringify({ name: 'holdfast', version: '1', ca, mqtt: 'mqtts://x:1' });

  test('trusts the CA whose hash was pinned, and only over a connection that it verifies', async () => {
    await using served = await serve((ca) => info(ca.caPem));
    const answer = await fetchPinnedCa({ url: served.url, pin: served.ca.caPin, signal });
    expect(new X509Certificate(answer.ca).raw).toEqual(new X509Certificate(served.ca.caPem).raw);
    expect(answer.mqtt).toBe('mqtts://x:1');
  });

  test('refuses another CA than the pinned one', async () => {
    await using served = await serve((ca) => info(ca.caPem));
    await expect(fetchPinnedCa({ url: served.url, pin: digestOf('other'), signal })).rejects.toEqual(
      expect.objectContaining({ code: 'pinMismatch' }),
    );
  });

  test('refuses one who shows the right CA but holds no certificate of it', async () => {
    const real = await CertificateAuthority.open({ folder: join(folder, 'real') });
    await using served = await serve(() => info(real.caPem));
    await expect(fetchPinnedCa({ url: served.url, pin: real.caPin, signal })).rejects.toEqual(
      expect.objectContaining({ code: 'network', transient: false }),
    );
  });

  test.each([
    ['nonsense', () => 'nonsense'],
    ['an endless answer', () => 'x'.repeat(200_000)],
    ['another program', () => '{"name":"other"}'],
  ])('answers %s with one clear error', async (_, body) => {
    await using served = await serve(body);
    await expect(fetchPinnedCa({ url: served.url, pin: served.ca.caPin, signal })).rejects.toEqual(
      expect.objectContaining({ code: 'badAnswer' }),
    );
  });

  test('calls an absent control plane a transient failure', async () => {
    const served = await serve(() => '');
    await served[Symbol.asyncDispose]();
    await expect(fetchPinnedCa({ url: served.url, pin: served.ca.caPin, signal })).rejects.toEqual(
      expect.objectContaining({ code: 'network', transient: true }),
    );
  });

  test('stops when aborted', async () => {
    const aborted = AbortSignal.abort();
    await expect(
      fetchPinnedCa({ url: 'https://127.0.0.1:1', pin: digestOf(''), signal: aborted }),
    ).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
  });
});

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  const closed = once(server, 'close');
  server.close();
  await closed;
}
