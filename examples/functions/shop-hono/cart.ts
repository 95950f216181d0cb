import { findProduct, type Product } from './catalogue.ts';

/** Counts by the id of a product. */
export type Cart = Readonly<Record<string, number>>;
export type Line = { readonly product: Product; readonly count: number };

export const maxCount = 50;

export function changeCart(cart: Cart, id: string, count: number): Cart {
  return Object.fromEntries(Object.entries({ ...cart, [id]: count }).filter(([, count]) => count > 0));
}

export function linesOf(cart: Cart): Line[] {
  return Object.entries(cart).flatMap(([id, count]) => {
    const product = findProduct(id);
    return product ? [{ product, count }] : [];
  });
}

export function totalCents(lines: readonly Line[]): number {
  return lines.reduce((sum, { product, count }) => sum + product.priceCents * count, 0);
}
