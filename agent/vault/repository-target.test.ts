import { describe, expect, test } from '@jest/globals';
import { vaultSchema } from '../../manifests/primitives.ts';
import { repositoryCredentials, repositoryTarget } from './repository-target.ts';

const identity = {
  ...{
    device: 'kiosk-1',
    url: 'https://cloud.example.com:8443',
    ca: 'CA',
    certificate: 'CERTIFICATE',
    key: 'KEY',
  },
};
const secret = (name: string) => Promise.resolve(name === 'login' ? 'me:geheim\n' : undefined);

function credentials(vault: object | undefined) {
  const spec = vault && vaultSchema.parse(vault);
  return repositoryCredentials(repositoryTarget(spec, identity), spec, { identity, secret });
}

describe('where the snapshots of a device go', () => {
  test("is the control plane's own vault of the device unless the manifest says otherwise", async () => {
    const own = {
      location: 'rest:https://cloud.example.com:8443/vault/kiosk-1/',
      isRemote: true,
      isOwnCloud: true,
    };
    expect(repositoryTarget(undefined, identity)).toEqual(own);
    expect(repositoryTarget(vaultSchema.parse({ throttle: '1MiB/s' }), identity)).toEqual(own);
    expect(await credentials(undefined)).toEqual({
      ca: 'CA',
      identity: { certificate: 'CERTIFICATE', key: 'KEY' },
    });
  });

  test('without a cloud is a folder or another server, and a snapshot to a control plane says why it cannot be', async () => {
    const local = { device: 'kiosk-1' };
    const folder = vaultSchema.parse({ repository: '/mnt/backup' });
    expect(repositoryTarget(folder, local)).toEqual({
      location: '/mnt/backup',
      isRemote: false,
      isOwnCloud: false,
    });
    const none = repositoryTarget(undefined, local);
    expect(none).toMatchObject({ isRemote: true, isOwnCloud: true });
    await expect(repositoryCredentials(none, undefined, { identity: local, secret })).rejects.toMatchObject({
      code: 'notEnrolled',
    });
  });

  test('a folder is no network, and nothing is shown to it', async () => {
    const repository = '/mnt/backup';
    expect(repositoryTarget(vaultSchema.parse({ repository }), identity)).toMatchObject({
      ...{ location: repository, isRemote: false, isOwnCloud: false },
    });
    expect(await credentials({ repository })).toEqual({});
  });

  test.each([
    'rest:https://backup.example.com/',
    'rest:https://cloud.example.com/vault/kiosk-1/',
    'rest:http://cloud.example.com:8443/vault/kiosk-1/',
    'rest:https://cloud.example.com:8443@evil.example.com/',
  ])("the device's certificate is not shown to %s", async (repository) => {
    expect(await credentials({ repository })).toEqual({});
    expect(await credentials({ repository, login: 'login' })).toEqual({ login: 'me:geheim' });
    await expect(credentials({ repository, login: 'other' })).rejects.toMatchObject({
      code: 'unknownSecret',
    });
  });
});
