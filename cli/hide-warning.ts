/** Keeps one of node's warnings, by its code, off stderr; the others are printed as before. */
export function hideWarning(code: string): void {
  const printers = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if ((warning as NodeJS.ErrnoException).code === code) return;
    for (const print of printers) print.call(process, warning);
  });
}
