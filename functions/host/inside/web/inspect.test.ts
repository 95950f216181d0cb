import { expect, test } from '@jest/globals';
import { Blob } from './blob.ts';
import { File } from './file.ts';
import { FormData } from './form-data.ts';
import { Headers } from './headers.ts';
import { inspect } from './inspect.ts';
import { Request } from './request.ts';
import { Response } from './response.ts';
import { URLSearchParams } from './url-search-params.ts';

const form = new FormData();
form.append('a', '1');
form.append('f', new File(['xy'], 'n.txt', { type: 'text/plain' }));

test.each([
  ['Headers {"a":"b"}', new Headers({ A: 'b' })],
  [
    'Headers {"set-cookie":["a=1","b=2"]}',
    new Headers([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]),
  ],
  [
    'Request {"method":"PUT","url":"https://a.example/"}',
    new Request('https://a.example', { method: 'PUT' }),
  ],
  ['URLSearchParams {"query":"a=1&b=2"}', new URLSearchParams('a=1&b=2')],
  ['{"of":Response {"status":404}}', { of: new Response('', { status: 404 }) }],
  ['Blob {"size":3,"type":"a/b"}', new Blob(['abc'], { type: 'a/b' })],
  ['FormData [["a","1"],["f",File {"name":"n.txt","size":2,"type":"text/plain"}]]', form],
])('%s', (shown, value) => {
  expect(inspect(value)).toBe(shown);
});
