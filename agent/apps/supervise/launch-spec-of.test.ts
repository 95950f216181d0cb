import { describe, expect, test } from '@jest/globals';
import type { ImageConfig } from '../../../cloud-sync/oci/image/image-config.ts';
import { digestOf } from '../../../lib/digest.ts';
import { appSchema, runOf, type AppSpec } from '../../../manifests/app.ts';
import { launchSpecOf } from './launch-spec-of.ts';
import { stopSignalOf } from './stop-signal.ts';

const place = { root: '/var/hf', device: 'kiosk-1', mqttPort: 1884, secrets: '/run/hf' };

function specOf(written: object, config: Partial<NonNullable<ImageConfig['config']>> = {}) {
  const spec: AppSpec = appSchema.parse({ image: 'a/b:1', ...written });
  const run = runOf(spec);
  if (!run) throw new Error('It does not run');
  const rootfs = { type: 'layers' as const, diff_ids: [] };
  const image = {
    ...{ digest: digestOf('image'), rootfs: '/tree' },
    config: { architecture: 'x', os: 'linux', rootfs, config },
  };
  return launchSpecOf({ app: 'web', spec, run, image, user: { uid: 1, gid: 2, groups: [] }, place });
}

describe('what is run', () => {
  test('is of the image where the manifest is silent', () => {
    const config = { Entrypoint: ['/bin/web'], Cmd: ['--port', '80'], WorkingDir: '/srv' };
    expect(specOf({}, config)).toMatchObject({
      args: ['/bin/web', '--port', '80'],
      cwd: '/srv',
      network: 'none',
    });
    const run = { command: ['sh'], workdir: '/tmp', ports: [80] };
    expect(specOf({ run }, config)).toMatchObject({ args: ['sh'], cwd: '/tmp', network: 'host' });
  });

  test('has the network of the machine as a plain process, and none that asks for less', () => {
    const config = { Entrypoint: ['/bin/web'] };
    expect(specOf({ isolation: 'process' }, config).network).toBe('host');
    expect(() => specOf({ isolation: 'process', run: { network: 'none' } }, config)).toThrow(
      expect.objectContaining({ code: 'noRuntime' }),
    );
  });

  test('has to be said by one of them', () => {
    expect(() => specOf({}, { WorkingDir: '' })).toThrow(
      expect.objectContaining({ code: 'badImage', hint: 'Name it in the manifest: apps.web.run.command.' }),
    );
  });
});

describe('the environment', () => {
  const config = { Cmd: ['a'], Env: ['PATH=/bin', 'A=1', 'B=x=y', 'HOLDFAST_APP=liar', 'odd'] };

  test('is the image’s, then ours, then the manifest’s', () => {
    const run = { env: { A: '2' }, ports: [80], secrets: ['key'] };
    expect(specOf({ run, volumes: { '/data': 'web-data' } }, config).env).toEqual([
      ...['A=2', 'B=x=y', 'CREDENTIALS_DIRECTORY=/run/secrets', 'HOLDFAST_APP=web'],
      ...['HOLDFAST_DEVICE=kiosk-1', 'HOLDFAST_MQTT_URL=mqtt://127.0.0.1:1884'],
      ...['HOLDFAST_SHARED=/run/holdfast', 'HOLDFAST_VOLUME_WEB_DATA=/data', 'PATH=/bin'],
    ]);
  });

  test('names places of the machine to a plain process, and no broker to who cannot reach it', () => {
    const volumes = { '/data': 'd' };
    const { env } = specOf({ isolation: 'process', volumes, run: { secrets: ['key'] } }, config);
    expect(env).toEqual(
      expect.arrayContaining([
        ...['CREDENTIALS_DIRECTORY=/run/hf/web', 'HOLDFAST_SHARED=/var/hf/apps/shared/web'],
        'HOLDFAST_VOLUME_D=/var/hf/volumes/d',
      ]),
    );
    expect(specOf({}, config).env.join()).not.toContain('MQTT');
  });
});

test('mounts come with the outer ones first', () => {
  const volumes = { '/data/inner': 'b', '/data': 'a' };
  const { mounts } = specOf({ volumes, run: { secrets: ['key'] } }, { Cmd: ['a'] });
  expect(mounts).toEqual([
    { source: '/var/hf/volumes/a', target: '/data', readOnly: false },
    { source: '/var/hf/volumes/b', target: '/data/inner', readOnly: false },
    { source: '/var/hf/apps/shared/web', target: '/run/holdfast', readOnly: false },
    { source: '/run/hf/web', target: '/run/secrets', readOnly: true },
  ]);
});

test.each([
  ['SIGINT', 'SIGQUIT', 'SIGINT'],
  [undefined, 'SIGQUIT', 'SIGQUIT'],
  [undefined, 'quit', 'SIGQUIT'],
  [undefined, '2', 'SIGINT'],
  [undefined, 'SIGRTMIN+3', 'SIGTERM'],
  [undefined, undefined, 'SIGTERM'],
])('the manifest says %s and the image %s: it is stopped by %s', (declared, ofImage, signal) => {
  expect(stopSignalOf(declared, ofImage)).toBe(signal);
});
