import { Lexer, Parser } from 'yaml';
import type { CST } from 'yaml';
import { bounds } from './bounds.ts';

export type Tokens =
  | { readonly ok: true; readonly tokens: readonly CST.Token[] }
  | { readonly ok: false; readonly message: string; readonly offset: number };

/** What of the parser's stack is no level of nesting: the document and the scalar being read. */
const stackBase = 2;

/**
 * The concrete syntax of a YAML text, bounded while it is read: composing it recurses as deep as it is nested, so depth
 * ends here. `onNewLine` is called with the offset of each line.
 */
export function readTokens(text: string, onNewLine: (offset: number) => void): Tokens {
  if (text.length > bounds.textLength)
    return refuse(`The file is ${text.length} characters long; at most ${bounds.textLength} are allowed`, 0);
  onNewLine(0);
  const parser = new Parser(onNewLine);
  const tokens: CST.Token[] = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > bounds.depth + stackBase)
      return refuse(`Nested deeper than ${bounds.depth} levels`, parser.offset - lexeme.length);
    if (++lexemes > bounds.lexemes)
      return refuse(`More than ${bounds.lexemes} words, marks and line breaks`, parser.offset);
  }
  return { ok: true, tokens: [...tokens, ...parser.end()] };
}

function refuse(message: string, offset: number): Tokens {
  return { ok: false, message, offset };
}
