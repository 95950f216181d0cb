/** Where the script leaves its `start` until the host takes it away. */
export const startName = '__holdfastStart';
