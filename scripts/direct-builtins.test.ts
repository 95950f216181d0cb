import { describe, expect, test } from '@jest/globals';
import { withDirectBuiltins } from './direct-builtins.ts';

const banner = 'const $b = globalThis.process.getBuiltinModule;';

describe('withDirectBuiltins', () => {
  test.each([
    [
      'names',
      'import{createHash,hkdfSync as derive}from"node:crypto";',
      'const{createHash,hkdfSync:derive}=$b("node:crypto");',
    ],
    ['everything', 'import*as fs from"node:fs/promises";', 'const fs=$b("node:fs/promises");'],
    ['the module itself', 'import EventEmitter from"node:events";', 'const EventEmitter=$b("node:events");'],
  ])('takes %s from the module, with every character behind in its place', (_what, statement, direct) => {
    const text = withDirectBuiltins(`${banner}\n${statement}let a=1;`);
    expect(text).toBe(`${banner}\n${direct.padEnd(statement.length)}let a=1;`);
  });

  test('leaves imports of chunks and packages', () => {
    const text = `${banner}\nimport{a}from"./chunk-1.mjs";import sodium from"sodium-native";`;
    expect(withDirectBuiltins(text)).toBe(text);
  });

  test('makes require where it is called', () => {
    expect(withDirectBuiltins(`${banner}\nrequire("fs");`)).toMatch(
      /^const \$b = [^\n]+ const require = \$b\('node:module'\)[^\n]+\nrequire\("fs"\);$/,
    );
  });

  test('leaves the line that names the interpreter in front', () => {
    const text = `#!/usr/bin/env node\n${banner}\n`;
    expect(withDirectBuiltins(text)).toBe(text);
  });

  test.each(['nothing', 'default as fs'])('refuses to take %s from a module', (name) => {
    const text = `${banner}\nimport{${name}}from"node:fs";`;
    expect(() => withDirectBuiltins(text)).toThrow('node:fs has no');
  });

  test('refuses a text in which something else has the name', () => {
    expect(() => withDirectBuiltins(`${banner}\n$b(1);`)).toThrow('Something else');
  });
});
