import { expect, test } from '@jest/globals';
import { AgentError } from '../errors.ts';
import { describeFailure } from './failure.ts';

test('a failure and its hint are two sentences, whether or not the first ends with a full stop', () => {
  const said = ['It broke', 'It broke.'].map((message) =>
    describeFailure(new AgentError('notConfigured', message, { hint: 'Build it again.' })),
  );
  expect(said).toEqual(Array(2).fill({ code: 'notConfigured', message: 'It broke. Build it again.' }));
  expect(describeFailure(new Error('It broke')).message).toBe('It broke');
});
