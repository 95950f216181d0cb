export type Product = { readonly id: string; readonly name: string; readonly priceCents: number };

/** What the farm sells at the gate. */
export const catalogue: readonly Product[] = [
  { id: 'eggs', name: 'Ten eggs', priceCents: 350 },
  { id: 'honey', name: 'Honey, 500 g', priceCents: 790 },
  { id: 'potatoes', name: 'Potatoes, 2.5 kg', priceCents: 420 },
];

export function findProduct(id: string): Product | undefined {
  return catalogue.find((product) => product.id === id);
}
