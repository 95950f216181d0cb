import { expect, test } from '@jest/globals';
import { connectFailure } from './connect-failure.ts';

const failed = (code: string) => Object.assign(new Error(`connect ${code}`), { code, syscall: 'connect' });

test.each(['EACCES', 'EPERM'])('who may not use the socket (%s) is told so, and who may', (code) => {
  expect(connectFailure(failed(code), '/var/lib/holdfast')).toMatchObject({
    code: 'denied',
    message: 'This user may not use the agent on /var/lib/holdfast',
    hint: expect.stringContaining('the user that the agent runs as'),
  });
});

test.each(['ENOENT', 'ENOTDIR', 'ECONNREFUSED'])('where none listens (%s) no agent is running', (code) => {
  expect(connectFailure(failed(code), '/d')).toMatchObject({ code: 'agentNotRunning' });
});

test('what is neither stays what it is', () => {
  const error = failed('EMFILE');
  expect(connectFailure(error, '/d')).toBe(error);
});
