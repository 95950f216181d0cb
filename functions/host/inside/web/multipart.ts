import { concatBytes, decodeText, utf8 } from './bytes.ts';
import { blobBytes } from './blob.ts';
import { File } from './file.ts';
import { FormData, type FormDataEntry } from './form-data.ts';

/** More parts than any form has; a body of empty parts must not cost more memory than its bytes. */
const maxParts = 10_000;
const maxPartHeaderBytes = 16 * 1024;

const [cr, lf, dash] = [13, 10, 45];

/** [RFC 7578], with the escapes of HTML §4.10.21.8. */
export function encodeMultipart(form: Iterable<FormDataEntry>, boundary: string): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(unifyBreaks(name))}"`;
    if (typeof value === 'string') {
      chunks.push(utf8.encode(`${head}\r\n\r\n${unifyBreaks(value)}\r\n`));
      continue;
    }
    const type = value.type === '' ? 'application/octet-stream' : value.type;
    chunks.push(utf8.encode(`${head}; filename="${escaped(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`));
    chunks.push(blobBytes(value), utf8.encode('\r\n'));
  }
  chunks.push(utf8.encode(`--${boundary}--\r\n`));
  return concatBytes(chunks);
}

/** Throws TypeError when the bytes are not multipart/form-data with this boundary. */
export function parseMultipart(bytes: Uint8Array, boundary: string): FormData {
  const form = new FormData();
  const delimiter = utf8.encode(`\r\n--${boundary}`);
  // The first delimiter has no line break before it when there is no preamble.
  let at = startsWith(bytes, delimiter.subarray(2), 0)
    ? delimiter.length - 2
    : afterDelimiter(bytes, delimiter, 0);
  for (let parts = 0; !(bytes[at] === dash && bytes[at + 1] === dash); parts++) {
    if (parts >= maxParts) throw new TypeError(`The form has more than ${maxParts} parts`);
    const headAt = afterLine(bytes, at);
    const bodyAt = endOfHead(bytes, headAt);
    const next = afterDelimiter(bytes, delimiter, bodyAt - 2);
    addPart(
      form,
      bytes.subarray(headAt, bodyAt),
      bytes.subarray(bodyAt, Math.max(bodyAt, next - delimiter.length)),
    );
    at = next;
  }
  return form;
}

function addPart(form: FormData, head: Uint8Array, body: Uint8Array): void {
  const headers = decodeText(head);
  const disposition = /^content-disposition:[ \t]*form-data[ \t]*(;[^\r]*)/im.exec(headers)?.[1] ?? '';
  const name = parameter(disposition, 'name');
  if (name === undefined) throw malformed('a part has no name');
  const filename = parameter(disposition, 'filename');
  if (filename === undefined) {
    // A byte order mark is the text's own: "UTF-8 decode without BOM".
    form.append(name, utf8.decode(body));
    return;
  }
  const type = /^content-type:[ \t]*([^\r]*?)[ \t]*$/im.exec(headers)?.[1] ?? 'text/plain';
  form.append(name, new File([body], filename, { type }));
}

/**
 * The first of this name, in lower case. A quoted one ends at the next quote, for HTML has `%22` for a quote within and no backslashes:
 * what escapes it by one is refused, as it would be another name.
 */
function parameter(disposition: string, name: string): string | undefined {
  const next = /[ \t]*;[ \t]*([^\s=;"]+)=(?:"([^"]*)"|([^;"\s]*))/y;
  let found: string | undefined;
  for (let at = 0; at < disposition.length; at = next.lastIndex) {
    if (/^[ \t]*;?[ \t]*$/.test(disposition.slice(at))) break;
    const [, key = '', quoted, plain] = next.exec(disposition) ?? [];
    if (key === '') throw malformed('the parameters of a part cannot be read');
    if (key.toLowerCase() === name) found ??= quoted ?? plain;
  }
  return found?.replace(/%0A/gi, '\n').replace(/%0D/gi, '\r').replace(/%22/g, '"');
}

/** Where the bytes after the next delimiter begin. */
function afterDelimiter(bytes: Uint8Array, delimiter: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(cr, Math.max(0, from)); at !== -1; at = bytes.indexOf(cr, at + 1)) {
    if (startsWith(bytes, delimiter, at)) return at + delimiter.length;
  }
  throw malformed('its end is missing');
}

/** Transport padding may follow a boundary. */
function afterLine(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 32 || bytes[at] === 9) at++;
  if (bytes[at] !== cr || bytes[at + 1] !== lf) throw malformed('a boundary is not alone on its line');
  return at + 2;
}

function endOfHead(bytes: Uint8Array, from: number): number {
  const end = Math.min(bytes.length, from + maxPartHeaderBytes);
  for (let at = bytes.indexOf(cr, from); at !== -1 && at < end; at = bytes.indexOf(cr, at + 1)) {
    if (bytes[at + 1] === lf && bytes[at + 2] === cr && bytes[at + 3] === lf) return at + 4;
  }
  throw malformed('the headers of a part do not end');
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array, at: number): boolean {
  for (let index = 0; index < prefix.length; index++) if (bytes[at + index] !== prefix[index]) return false;
  return true;
}

function malformed(problem: string): TypeError {
  return new TypeError(`The body is not multipart/form-data: ${problem}`);
}

function escaped(name: string): string {
  return name.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22');
}

function unifyBreaks(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n');
}
