import { createJobRunner } from '../../agent/vault/job-process.ts';
import { silentLogger } from '../../lib/logger.ts';
import { VaultDevice } from './vault-device.ts';

/** The keeper of a device in a process of its own, to be killed: snapshots slowly and says how many bytes it has stored. */
const [folder = ''] = process.argv.slice(2);
const device = VaultDevice.at(folder);
const keeper = await device.keeper(
  device.machine({ vault: { throttle: '1MiB/s' } }),
  createJobRunner({ logger: silentLogger }),
);
await keeper.snapshotVolume('notes', {
  reason: 'request',
  signal: new AbortController().signal,
  onProgress: ({ bytesAdded }) => process.stdout.write(`${bytesAdded}\n`),
});
