import { describe, expect, test } from '@jest/globals';
import { createRecoveryCode, parseRecoveryCode } from './recovery-code.ts';

describe('a recovery code', () => {
  test('is 24 words, another one each time, and reads back as it was made', () => {
    const code = createRecoveryCode();
    expect(code.split(' ')).toHaveLength(24);
    expect(createRecoveryCode()).not.toBe(code);
    expect(parseRecoveryCode(code)).toBe(code);
  });

  test('is taken as people type it from a print: numbered, in columns, in any case', () => {
    const code = createRecoveryCode();
    const typed = code
      .split(' ')
      .map(
        (word, index) =>
          `${index + 1}. ${index % 2 ? word.toUpperCase() : word}${index % 4 === 3 ? '\r\n' : ',\t'}`,
      )
      .join('  ');
    expect(parseRecoveryCode(`\n ${typed} \n`)).toBe(code);
  });

  test('names the word that is none, where it stands, and what it may have been', () => {
    const words = Array.from({ length: 24 }, () => 'zebra');
    words[6] = 'abandn';
    expect(() => parseRecoveryCode(words.join(' '))).toThrow(
      expect.objectContaining({
        code: 'wrongPassphrase',
        message: 'Word 7 of the recovery code, "abandn", is none of its words',
        hint: 'Did you mean "abandon"?',
      }),
    );
  });

  test('with a word missing, exchanged for another, or of any length is refused before anything is derived', () => {
    const words = createRecoveryCode().split(' ');
    const swapped = words.with(3, words[3] === 'zoo' ? 'zebra' : 'zoo');
    expect(() => parseRecoveryCode(words.slice(1).join(' '))).toThrow(/has 24 words, and these are 23/);
    // One in 256 wrong words fits the checksum: of all places at least one must not.
    const accepted = [...words.keys()].filter((place) =>
      isAccepted(swapped.with(place, 'abandon').join(' ')),
    );
    expect(accepted.length).toBeLessThan(24);
    expect(() => parseRecoveryCode('zoo '.repeat(1000))).toThrow(/longer than/);
    expect(() => parseRecoveryCode('')).toThrow(/has 24 words, and these are 0/);
  });
});

function isAccepted(code: string): boolean {
  try {
    parseRecoveryCode(code);
    return true;
  } catch {
    return false;
  }
}
