import { extname } from 'node:path';

const text = (type: string): string => `${type}; charset=utf-8`;

/** Of files that sites are made of (IANA's media types; HTML's standard for scripts). */
const types: ReadonlyMap<string, string> = new Map([
  ['.html', text('text/html')],
  ['.htm', text('text/html')],
  ['.css', text('text/css')],
  ['.js', text('text/javascript')],
  ['.mjs', text('text/javascript')],
  ['.json', 'application/json'],
  ['.map', 'application/json'],
  ['.webmanifest', 'application/manifest+json'],
  ['.xml', 'application/xml'],
  ['.txt', text('text/plain')],
  ['.md', text('text/markdown')],
  ['.csv', text('text/csv')],
  ['.ics', text('text/calendar')],
  ['.vtt', text('text/vtt')],
  ['.yaml', 'application/yaml'],
  ['.yml', 'application/yaml'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.jpg', 'image/jpeg'],
  ['.jpeg', 'image/jpeg'],
  ['.gif', 'image/gif'],
  ['.webp', 'image/webp'],
  ['.avif', 'image/avif'],
  ['.ico', 'image/vnd.microsoft.icon'],
  ['.woff', 'font/woff'],
  ['.woff2', 'font/woff2'],
  ['.ttf', 'font/ttf'],
  ['.otf', 'font/otf'],
  ['.mp3', 'audio/mpeg'],
  ['.ogg', 'audio/ogg'],
  ['.wav', 'audio/wav'],
  ['.mp4', 'video/mp4'],
  ['.webm', 'video/webm'],
  ['.pdf', 'application/pdf'],
  ['.wasm', 'application/wasm'],
  ['.zip', 'application/zip'],
  ['.gz', 'application/gzip'],
]);

/** By the file's name; what is unknown is downloaded, not guessed at. */
export function contentType(name: string): string {
  return types.get(extname(name).toLowerCase()) ?? 'application/octet-stream';
}

/** Whether it is worth to compress: the others are compressed already. */
export function isText(type: string): boolean {
  return /^text\/|[/+](?:json|xml|yaml)$|^application\/wasm$/.test(type.split(';')[0] ?? '');
}
