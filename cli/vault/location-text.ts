/** A location for people and paper: without a login. */
export function locationText(location: string): string {
  return location.replace(/^(rest:[a-z]+:\/\/)[^/]*@/i, '$1');
}
