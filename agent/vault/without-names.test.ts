import { expect, test } from '@jest/globals';
import { SyncError } from '../../cloud-sync/errors.ts';
import { createLogger, silentLogger, type LogEvent } from '../../lib/logger.ts';
import { withoutNames } from './without-names.ts';

const folder = '/var/lib/holdfast/volumes/data';

test('a failure of a file is told without its name, and the line that has it stays on the device', () => {
  const logged: LogEvent[] = [];
  const logger = createLogger((event) => logged.push(event));
  const error = new Error(`EMFILE: too many open files, open '${folder}/divorce/it's over.odt'`);
  const told = withoutNames(error, { folder, logger });
  expect(told).toMatchObject({
    code: 'internal',
    message: 'EMFILE: too many open files, open a file of the volume',
  });
  const { local, ...rest } = logged[0]!;
  expect(local).toEqual({ message: error.message });
  expect(JSON.stringify(rest)).not.toContain('divorce');
});

test('a failure keeps its code and whether it may pass; one that names no file stays as it is', () => {
  const full = new SyncError('diskFull', `No room for ${folder}/secret`, { transient: true });
  const options = { folder, logger: silentLogger };
  expect(withoutNames(full, options)).toMatchObject({ code: 'diskFull', transient: true });
  expect(String(withoutNames(full, options))).not.toContain('secret');
  const gone = new Error(`ENOENT: no such file or directory, scandir '${folder}'`);
  expect(withoutNames(gone, options)).toBe(gone);
});
