/** Why a piece of work failed; `code` is TypeError or the name of a DOMException, the message is for the function's author. */
export class WorkError extends Error {
  override readonly name = 'WorkError';
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
