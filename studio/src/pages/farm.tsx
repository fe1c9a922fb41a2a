export function Farm(_: {id: string}) {
  return null;
}
