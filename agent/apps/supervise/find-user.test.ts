import { expect, test } from '@jest/globals';
import { findUser } from './find-user.ts';

const accounts = {
  passwd: 'root:x:0:0::/:/bin/sh\nweb:x:101:102::/:/bin/sh\n1000:x:7:8::/:\nbroken:x:x:1\n',
  group: 'root:x:0:\nweb:x:102:\naudio:x:29:web,other\n',
};

test.each([
  ['', { uid: 0, gid: 0, groups: [] }],
  ['web', { uid: 101, gid: 102, groups: [29] }],
  ['101', { uid: 101, gid: 102, groups: [29] }],
  ['web:audio', { uid: 101, gid: 29, groups: [] }],
  ['5000:6000', { uid: 5000, gid: 6000, groups: [] }],
  ['5000', { uid: 5000, gid: 0, groups: [] }],
  ['1000', { uid: 7, gid: 8, groups: [] }],
])('%j is who the accounts of the image say', (text, user) => {
  expect(findUser(text, accounts, 'app')).toEqual(user);
});

test.each(['nobody', 'broken', 'web:nobody', '99999999999'])('%j is nobody there', (text) => {
  expect(() => findUser(text, accounts, 'app')).toThrow(expect.objectContaining({ code: 'badImage' }));
});
