import { expect, jest, test } from '@jest/globals';
import { completeControl, recoveryPublicKey } from './control-section.ts';

jest.setTimeout(60_000);

const url = 'https://cloud.example.com';
const context = { url, token: 'an operator', ca: 'none is read' };
const document = { control: { url, ca: 'a pin' } };
const passphrase = 'correct horse';

test('who makes a recovery key is told its public half, and need not open it', async () => {
  const made = await completeControl({ document, context, previous: undefined, passphrase });
  expect(made.document.control).toEqual({ url, ca: 'a pin', recovery: expect.any(String) });
  expect(made.madeKey).toEqual(await recoveryPublicKey(made.document, passphrase));
  const again = await completeControl({ document, context, previous: made.document, passphrase });
  expect(again).toEqual({ document: made.document, madeKey: undefined });
});

test('without a passphrase there is none', async () => {
  const request = { document, context, previous: undefined, passphrase: undefined };
  expect(await completeControl(request)).toEqual({ document, madeKey: undefined });
});
