import type { ShadowDocument } from '../../../cloud-sync/protocol/shadow.ts';

/** For a person, and the same JSON: what would move the cursor of a terminal or turn the writing round is escaped. */
export function documentText(document: ShadowDocument): string {
  return JSON.stringify(document, null, 2).replaceAll(/[^\P{C}\n]/gu, escaped);
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
