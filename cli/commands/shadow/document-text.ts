import type { ShadowDocument } from '../../../cloud-sync/protocol/shadow.ts';
import { escapeLines } from '../../printable.ts';

/** For a person, and the same JSON: what would move the cursor of a terminal or turn the writing round is escaped. */
export function documentText(document: ShadowDocument): string {
  return escapeLines(JSON.stringify(document, null, 2));
}
