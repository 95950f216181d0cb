/** Topics of shadows on the local broker: `shadow/{name}/update`, `…/get`, `…/delete`, and their answers below. */
export const shadowTopic = (name: string, tail: string): string => `shadow/${name}/${tail}`;

export type ShadowRequestTopic = { readonly name: string; readonly verb: 'update' | 'get' | 'delete' };

const requestPattern = /^shadow\/([A-Za-z0-9:_-]{1,64})\/(update|get|delete)$/;
const changePattern = /^shadow\/([A-Za-z0-9:_-]{1,64})\/(?:update|delete)\/accepted$/;

/** What a message on `topic` asks of which shadow; undefined when it is an ordinary message. */
export function parseShadowRequest(topic: string): ShadowRequestTopic | undefined {
  const match = requestPattern.exec(topic);
  if (!match) return undefined;
  const [, name = '', verb] = match;
  return { name, verb: verb as ShadowRequestTopic['verb'] };
}

/** The shadow of whose change a message on `topic` tells. */
export function changedShadow(topic: string): string | undefined {
  return changePattern.exec(topic)?.[1];
}
