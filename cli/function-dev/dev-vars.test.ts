import { expect, test } from '@jest/globals';
import { missingSecrets, secretsFrom } from './dev-vars.ts';

test('a line names a secret by its binding or by its own name; what is not bound is left out', () => {
  const text = 'API_KEY="with space"\nother-key=b\nUNUSED=c\n';
  const bindings = { API_KEY: { secret: 'weather' }, B: { secret: 'other-key' }, C: { secret: 'missing' } };
  expect(secretsFrom(text, bindings)).toEqual({ weather: 'with space', 'other-key': 'b' });
  expect(missingSecrets(secretsFrom(text, bindings), bindings)).toEqual(['missing']);
});
