import { Hono, type Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { createMiddleware } from 'hono/factory';
import { HTTPException } from 'hono/http-exception';
import { validator } from 'hono/validator';
import type { KeyValue, Publisher } from '../../../functions/sdk/index.ts';
import { changeCart, linesOf, maxCount, totalCents, type Cart } from './cart.ts';
import { catalogue, findProduct } from './catalogue.ts';

type Env = {
  readonly Bindings: { readonly CARTS: KeyValue; readonly ORDERS: Publisher };
  readonly Variables: { session: string };
};

const app = new Hono<Env>().basePath('/shop');

/** Who has no cart yet gets one, under a name that nobody guesses. */
const keepSession = createMiddleware<Env, string, object>(async (c, next) => {
  const session = getCookie(c, 'cart') ?? crypto.randomUUID();
  c.set('session', session);
  await next();
  setCookie(c, 'cart', session, { path: '/shop', httpOnly: true, sameSite: 'Strict', maxAge: 86_400 });
});
app.use('/cart/*', keepSession);

app.onError((error, c) => {
  if (error instanceof HTTPException) return c.json({ error: error.message }, error.status);
  console.error(error);
  return c.json({ error: 'The shop has a problem' }, 500);
});
app.notFound((c) => c.json({ error: `There is no ${c.req.path}` }, 404));

app.get('/products', (c) => c.json(catalogue));

app.get('/products/:id', (c) => {
  const product = findProduct(c.req.param('id'));
  return product ? c.json(product) : c.notFound();
});

app.get('/cart', async (c) => c.json(summary(await readCart(c))));

const checkLine = validator('json', (body) => {
  const { product, count } = (body ?? {}) as { product?: unknown; count?: unknown };
  if (typeof product !== 'string' || !findProduct(product)) {
    throw new HTTPException(422, { message: 'product: the id of a product' });
  }
  if (!Number.isInteger(count) || Number(count) < 0 || Number(count) > maxCount) {
    throw new HTTPException(422, { message: `count: a whole number to ${maxCount}` });
  }
  return { product, count: Number(count) };
});

/** Sets how many of a product are in the cart; 0 takes it out. */
app.put('/cart/lines', checkLine, async (c) => {
  const { product, count } = c.req.valid('json');
  const cart = changeCart(await readCart(c), product, count);
  await c.env.CARTS.put(c.get('session'), cart);
  return c.json(summary(cart));
});

/** The order goes out by MQTT, and the cart is empty, or neither. */
app.post('/cart/order', async (c) => {
  const order = summary(await readCart(c));
  if (order.lines.length === 0) throw new HTTPException(409, { message: 'The cart is empty' });
  await c.env.ORDERS.publish(order);
  await c.env.CARTS.delete(c.get('session'));
  return c.json(order, 201);
});

async function readCart(c: Context<Env>): Promise<Cart> {
  return ((await c.env.CARTS.get(c.get('session'))) ?? {}) as Cart;
}

function summary(cart: Cart) {
  const lines = linesOf(cart);
  return {
    lines: lines.map(({ product, count }) => ({ product: product.id, count })),
    totalCents: totalCents(lines),
  };
}

export default app;
