import { expect, test } from '@jest/globals';
import { SyncError } from '../cloud-sync/errors.ts';
import { takingBack } from './taking-back.ts';

/** How often something was taken back while one attempt after the other ended so. */
async function takenBack(...ends: readonly Error[]): Promise<number> {
  let count = 0;
  const left = [...ends];
  const send = takingBack(
    () => Promise.reject(left.shift() ?? new Error('no more')),
    () => {
      count++;
      return Promise.resolve();
    },
  );
  for (const end of ends) await expect(send()).rejects.toBe(end);
  return count;
}

const refused = new SyncError('missingBundle', 'It is not there');
const cutOff = new SyncError('network', 'The line is cut', { transient: true });

test('what the cloud refuses is taken back', async () => {
  expect(await takenBack(refused)).toBe(1);
});

test('what the cloud may have is not, whatever it says of the next attempt', async () => {
  expect(await takenBack(cutOff)).toBe(0);
  expect(await takenBack(cutOff, refused)).toBe(0);
  expect(await takenBack(new SyncError('badAnswer', 'What is that'))).toBe(0);
  expect(await takenBack(new Error('Interrupted'), refused)).toBe(0);
});

test('a refusal is told first, and then that what was sent could not be taken back', async () => {
  const send = takingBack(
    () => Promise.reject(new SyncError('missingBundle', 'The bundle is not there', { hint: 'Push it.' })),
    () =>
      Promise.reject(
        Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: 'open', path: '/m.yaml' }),
      ),
  );
  await expect(send()).rejects.toMatchObject({
    code: 'missingBundle',
    message: expect.stringMatching(
      /^The bundle is not there\. And .* put back: .*\/m\.yaml.*no space is left/,
    ),
    hint: 'Push it.',
  });
});
