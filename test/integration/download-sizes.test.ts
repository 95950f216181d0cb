import { expect, test } from '@jest/globals';
import { downloadSizes } from '../../agent/download-sizes.ts';
import { OciLayout, pushArtifact } from '../../cloud-sync/oci/index.ts';
import { machineSchema } from '../../manifests/machine.ts';
import { sampleArtifact } from '../support/artifacts.ts';
import { temporaryFolder } from '../support/cli.ts';
import { startRegistry } from '../support/registry-server.ts';

const { signal } = new AbortController();

test('a plan knows the size of what is not here, as the registry has it, and of nothing that cannot be had', async () => {
  await using registry = await startRegistry();
  await using folder = await temporaryFolder();
  const layout = await OciLayout.open(folder.path);
  const artifact = sampleArtifact();
  await pushArtifact({ client: registry.client(), repository: 'double', tag: 'v1', signal, ...artifact });
  const lost = `sha256:${'0'.repeat(64)}`;
  const machine = machineSchema.parse({
    apiVersion: 'holdfast/v1',
    kind: 'Machine',
    metadata: { name: 'device' },
    functions: { double: { bundle: `double@${artifact.digest}` }, lost: { bundle: `lost@${lost}` } },
    apps: { away: { image: `registry.test/away@sha256:${'1'.repeat(64)}` } },
  });
  const options = {
    layout,
    registry: (host: string | undefined) => {
      if (host !== undefined) throw new Error('there is no way to it');
      return [registry.client()];
    },
    signal,
  };
  const [first, ...others] = artifact.blobs.map(({ bytes }) => bytes.byteLength);
  const all = others.reduce((sum, size) => sum + size, first ?? 0);
  expect(await downloadSizes(machine, options)).toEqual(new Map([[artifact.digest, all]]));
  const [config] = artifact.blobs;
  await layout.writeBlob(config!.digest, config!.bytes);
  expect(await downloadSizes(machine, options)).toEqual(new Map([[artifact.digest, all - (first ?? 0)]]));
  await layout.writeBlob(artifact.digest, artifact.manifest);
  expect(await downloadSizes(machine, options)).toEqual(new Map());
});
