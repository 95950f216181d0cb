import { expect, test } from '@jest/globals';
import { parseListeners } from './listening-ports.ts';

test('finds who listens in a table of the kernel, and nobody else', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1F91 0100007F:ABCD 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
   2: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0
   3: what is this
`;
  expect(parseListeners(table)).toEqual([
    { port: 8080, inode: '4711' },
    { port: 22, inode: '4713' },
  ]);
});
